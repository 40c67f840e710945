// Command bench measures what the product promises of its speed, each work side by side with a baseline in the same
// process and run, and prints one table with the ratios. Machines are noisy, a ratio of two things measured in turn is
// less so: rounds of ours and of the baseline are interleaved, and medians are told.
//
//	go run ./internal/bench                  every section: some minutes
//	go run ./internal/bench -only zones      the sections whose name matches
//	go run ./internal/bench -long            the long ones too: 10 GB of log, ten million transitions
//	go run ./internal/bench -smoke           the ratios only, best of three; fails where one is below half its target
//
// Each file is a section. What has no counterpart in Go (the size of the binary, the growth with the number of
// vehicles) is told as a figure without a ratio, and never fails a smoke.
package main
