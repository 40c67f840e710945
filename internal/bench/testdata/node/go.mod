// The baseline of the intake: gomavlib's Node, which needs a module that riverwatch does not.
module node

go 1.26.0

require github.com/bluenviron/gomavlib/v3 v3.3.5

require (
	github.com/pion/logging v0.2.2 // indirect
	github.com/pion/transport/v2 v2.2.10 // indirect
	go.bug.st/serial v1.7.1 // indirect
	golang.org/x/net v0.38.0 // indirect
	golang.org/x/sys v0.43.0 // indirect
)
