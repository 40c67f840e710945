package configs

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

const (
	minToken  = 16 // characters
	maxSecret = 1 << 10
)

// readToken reads the bearer token.
func readToken(path string) (token, what, remedy string) {
	data, what, remedy := readSecret(path, "put the token alone into it")
	if what != "" {
		return "", what, remedy
	}
	token = strings.TrimSpace(string(data))
	if len(token) < minToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Sprintf("%s does not hold one token of %d characters or more", path, minToken), "openssl rand -hex 32 > " + path
	}
	return token, "", ""
}

// readKey reads a signing key: 32 bytes as they are, or 64 hex digits.
func readKey(path string) (key *[32]byte, what, remedy string) {
	const put = "put the 32 bytes of the vehicle's key into it, or their 64 hex digits"
	data, what, remedy := readSecret(path, put)
	if what != "" {
		return nil, what, remedy
	}
	text := strings.TrimSpace(string(data))
	digits, err := hex.DecodeString(text)
	switch {
	case err == nil && len(digits) == len(key):
		data = digits
	case err == nil && len(digits) > 0: // 32 hex digits are half a key, not 32 bytes of one
		return nil, fmt.Sprintf("%s holds %d hex digits, a key has %d", path, len(text), 2*len(key)), put
	case len(data) != len(key):
		return nil, fmt.Sprintf("%s is no signing key: it has %d bytes", path, len(data)), put
	}
	key = (*[32]byte)(data)
	if *key == [32]byte{} {
		return nil, path + " holds an all-zero key, which many programs take for none", "give vehicle and station a random one: openssl rand -hex 32 > " + path
	}
	return key, "", ""
}

// readSecret reads a file that nobody else on this machine may read.
func readSecret(path, put string) (data []byte, what, remedy string) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, path + " cannot be read", "create it: (umask 077; openssl rand -hex 32 > " + path + ")"
	}
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && mode&0o077 != 0 {
		return nil, fmt.Sprintf("%s can be read by others (mode %04o)", path, mode), "chmod 600 " + path
	}
	data, err = readFile(path, maxSecret)
	if err != nil {
		return nil, path + " " + err.Error(), put
	}
	return data, "", ""
}
