package link

import (
	"context"
	"fmt"
	"time"

	"go.bug.st/serial"
)

// serialPause is how long a read of a silent port takes at most, so that the goroutine that reads is also the one
// that closes: a descriptor closed under a read may be another file's by then.
const serialPause = 200 * time.Millisecond

// serveSerial opens the port and reads until it is pulled out or ctx ends.
func (ln *line) serveSerial(ctx context.Context) error {
	port, err := serial.Open(ln.cfg.Serial, &serial.Mode{
		BaudRate: ln.cfg.Baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit,
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", ln.cfg.Serial, err)
	}
	shut := ln.openOutlet(ln.cfg.Serial, func(p parcel) error {
		_, err := port.Write(p.raw)
		return err
	})
	defer func() {
		if shut() {
			_ = port.Close()
		}
		// Else a write hangs in a device that takes nothing and cannot be called off. It keeps the descriptor: see
		// serialPause.
	}()
	if err := port.SetReadTimeout(serialPause); err != nil {
		return fmt.Errorf("open %s: %w", ln.cfg.Serial, err)
	}
	ln.setUp(ln.cfg.Serial)
	ln.sources.Add(1)
	if err := ln.readStream(ctx, port, ln.cfg.Serial); err != nil {
		return fmt.Errorf("read %s: %w", ln.cfg.Serial, err)
	}
	return nil
}
