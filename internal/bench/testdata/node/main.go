// Node listens with gomavlib's Node, as it comes, on the UDP addresses given, and counts the frames that it hands out.
// When its standard input ends, it writes their number and ends.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/bluenviron/gomavlib/v3"
	"github.com/bluenviron/gomavlib/v3/pkg/dialects/ardupilotmega"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	node := &gomavlib.Node{Dialect: ardupilotmega.Dialect, OutVersion: gomavlib.V2, OutSystemID: 246}
	for _, address := range os.Args[1:] {
		node.Endpoints = append(node.Endpoints, gomavlib.EndpointUDPServer{Address: address})
	}
	if err := node.Initialize(); err != nil {
		return err
	}
	fmt.Println("listening")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is all that matters
		node.Close()
	}()
	frames := 0
	for event := range node.Events() {
		if _, ok := event.(*gomavlib.EventFrame); ok {
			frames++
		}
	}
	fmt.Println(frames)
	return nil
}
