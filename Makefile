# Short names for what one types often; none of it is needed to build. LINT is pinned in .ci/go.mod.
LINT = go tool -modfile=.ci/go.mod golangci-lint

.PHONY: build test race lint fmt bench check demo

build:  ## the program, into ./riverwatch
	go build -trimpath -o riverwatch ./cmd/riverwatch

test:
	go test ./...

race:   ## needs a C compiler
	go test -race ./...

lint:
	$(LINT) run

fmt:
	gofmt -w $$(git ls-files '*.go')

bench:  ## everything that is promised of speed, beside baselines, in one table; some minutes on an idle machine
	go run ./internal/bench

check:  ## what CI does
	.ci/run

demo:
	go run ./cmd/riverwatch demo
