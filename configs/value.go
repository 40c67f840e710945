package configs

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads Go's durations with days: "15m", "1h30m", "30d", "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || n > 36500 {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" && found {
		return d, nil
	}
	r, err := time.ParseDuration(rest)
	if err != nil || found && (r < 0 || r >= 24*time.Hour) {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return d + r, nil
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand puts the environment's values for ${NAME} and refuses what looks like a secret written out. Neither what nor
// remedy ever holds a value.
func expand(s string, env func(name string) (string, bool)) (whole, what, remedy string) {
	whole = reference.ReplaceAllStringFunc(s, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, ok := env(name)
		if (!ok || value == "") && what == "" {
			what, remedy = fmt.Sprintf("the environment variable %q is not set", name), "set it where the station is started"
		}
		return value
	})
	if what != "" {
		return "", what, remedy
	}
	if u, err := url.Parse(reference.ReplaceAllString(s, "")); err == nil {
		if password, set := u.User.Password(); set && password != "" {
			return "", "a password is written out", "put it in the environment and write ${NAME} here"
		}
		for key, values := range u.Query() {
			if strings.Join(values, "") != "" && secretKeys[strings.ToLower(key)] {
				return "", fmt.Sprintf("the secret %q is written out", key), "put it in the environment and write ${NAME} here"
			}
		}
	}
	return whole, "", ""
}

// secretKeys are query parameters that chat robots and webhooks take their secrets in.
var secretKeys = map[string]bool{"key": true, "token": true, "access_token": true, "secret": true, "password": true, "sign": true}
