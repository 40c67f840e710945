package notify

import (
	"net/url"
	"time"
)

// Config describes one recipient of notices. Exactly one of Webhook and Log is set.
type Config struct {
	Name     string        `yaml:"name"`
	Webhook  string        `yaml:"webhook,env"` // http or https URL that gets a POST; may hold a secret, never to be shown whole
	Log      bool          `yaml:"log"`         // the program's own log
	Deadline time.Duration `yaml:"deadline"`    // a notice not delivered this long after its transition has expired
	Timeout  time.Duration `yaml:"-"`           // of one try
}

// SetDefaults fills in what a recipient need not say.
func (c *Config) SetDefaults() { c.Deadline, c.Timeout = time.Hour, 10*time.Second }

// Check reports every mistake in c, each under the key that holds it ("" for the recipient as a whole). What it
// reports never contains the URL.
func (c Config) Check(report func(path, what, remedy string)) {
	switch {
	case c.Webhook == "" && !c.Log:
		report("", "says no channel", "give webhook: URL, or log: true")
	case c.Webhook != "" && c.Log:
		report("log", "is a second channel beside webhook", "one recipient has one channel: make it two recipients")
	}
	if c.Webhook != "" {
		u, err := url.Parse(c.Webhook)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			report("webhook", "is not an http or https URL", `write it as "https://host/path"`)
		}
	}
	if c.Deadline < time.Second {
		report("deadline", "is shorter than 1s", "give the time after which a notice is of no use any more, such as 1h")
	}
}
