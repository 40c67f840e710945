package replay

import (
	"fmt"
	"math"
	"time"
)

// Config says how long recorded sessions are kept and what the disk must have left.
type Config struct {
	Keep       time.Duration `yaml:"keep"`         // older sessions go, but never one of an alert that is open or kept
	MaxGiB     float64       `yaml:"max_gib"`      // above this the oldest go first
	MinFreeMiB int           `yaml:"min_free_mib"` // below this much free space recording stops
}

// SetDefaults fills in what the configuration need not say.
func (c *Config) SetDefaults() { c.Keep, c.MaxGiB, c.MinFreeMiB = 30*24*time.Hour, 50, 512 }

// Check reports every mistake in c, each under the key that holds it.
func (c Config) Check(report func(path, what, remedy string)) {
	if c.Keep < time.Hour {
		report("keep", "is shorter than a session", "keep sessions for 1h or longer, such as 30d")
	}
	// Half a session is the least that leaves one whole session while the next is being written.
	if !(c.MaxGiB >= 0.5) || math.IsInf(c.MaxGiB, 0) {
		report("max_gib", fmt.Sprintf("%v GiB cannot hold two sessions", c.MaxGiB), "give 0.5 or more")
	}
	if c.MinFreeMiB < 1 {
		report("min_free_mib", "would let the recorder fill the disk", "give 1 or more; the ledger needs room when recording has stopped")
	}
}
