package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"riverwatch/mavlink"
)

// ErrNotALog is what every [NotALogError] wraps.
var ErrNotALog = errors.New("not a flight log")

// NotALogError says why a file or folder is not read as a flight log, and what to do about it.
type NotALogError struct {
	Path   string
	Reason string // what it looks like
	Remedy string
}

// Error is one line: place, reason, remedy.
func (e *NotALogError) Error() string {
	return fmt.Sprintf("%s: not a flight log: %s: %s", e.Path, e.Reason, e.Remedy)
}

// Unwrap makes errors.Is(err, ErrNotALog) hold.
func (e *NotALogError) Unwrap() error { return ErrNotALog }

const remedyTlog = "give a .tlog of a ground station, or a session folder"

// look is one kind of file that people take for a flight log.
type look struct {
	names  string // extensions, each with its dot and a blank behind it
	magic  string // what such files begin with, "" where only the name tells
	reason string
	remedy string
}

// looks is searched by content first, then by name.
var looks = []look{
	{".bin ", "\xA3\x95\x80", "an ArduPilot DataFlash log (.BIN), which this version does not read", "record or export telemetry as .tlog"},
	{".ulg ", "ULog\x01\x12\x35", "a PX4 ULog (.ulg), which this version does not read", "record or export telemetry as .tlog"},
	{".gz .tgz ", "\x1F\x8B", "compressed with gzip", "unpack it first: gunzip FILE"},
	{".zip .kmz ", "PK\x03\x04", "a zip archive", "unpack it first"},
	{".zst ", "\x28\xB5\x2F\xFD", "compressed with zstd", "unpack it first: zstd -d FILE"},
	{".xz ", "\xFD7zXZ\x00", "compressed with xz", "unpack it first: unxz FILE"},
	{".bz2 ", "BZh", "compressed with bzip2", "unpack it first: bunzip2 FILE"},
	{".pcap .cap ", "\xD4\xC3\xB2\xA1", "a packet capture", "send its datagrams to a running station, or record a .tlog"},
	{"", "\xA1\xB2\xC3\xD4", "a packet capture", "send its datagrams to a running station, or record a .tlog"},
	{"", "\x4D\x3C\xB2\xA1", "a packet capture", "send its datagrams to a running station, or record a .tlog"},
	{".pcapng ", "\x0A\x0D\x0D\x0A", "a packet capture", "send its datagrams to a running station, or record a .tlog"},
	{".db .sqlite ", "SQLite format 3", "a SQLite database", remedyTlog},
	{".kml ", "", "a KML file: places, not telemetry", remedyTlog},
	{".plan ", "", "a QGroundControl plan: a mission, not telemetry", remedyTlog},
	{".geojson .json ", "", "a JSON file: zones or settings, not telemetry", remedyTlog},
	{".tlm ", "", "a Spektrum telemetry log, which is not MAVLink", remedyTlog},
	{".fdr ", "", "an Eagle Tree flight data recorder file, which is not MAVLink", remedyTlog},
}

// refuse returns why the file is not read as a flight log by what it begins with or by its name; nil where neither tells.
func refuse(path string, head []byte) error {
	for _, l := range looks {
		if l.magic != "" && bytes.HasPrefix(head, []byte(l.magic)) {
			return &NotALogError{path, l.reason, l.remedy}
		}
	}
	// Eight bytes of one frame may look like the stamp of the next, so a few such records could be found in there.
	if n, ok := mavlink.FrameLen(head); ok && n <= len(head) && mavlink.Check(head[:n]) == mavlink.Good {
		return &NotALogError{path, "MAVLink frames without time stamps", "record with time stamps, as .tlog"}
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != "" {
		for _, l := range looks {
			if strings.Contains(l.names, ext+" ") {
				return &NotALogError{path, "by its name " + l.reason, l.remedy + ", or rename it to .tlog if it is one"}
			}
		}
	}
	return nil
}

// noRecord says what a file without any record looks like.
func noRecord(path string, head []byte, size int64) error {
	e := &NotALogError{path, fmt.Sprintf("no MAVLink record in its %d bytes", size), remedyTlog}
	if text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))); isText(text) {
		e.Reason = "text, not MAVLink records"
		switch {
		case bytes.HasPrefix(text, []byte("<")):
			e.Reason = "XML (KML?), not MAVLink records"
		case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
			e.Reason = "JSON (a plan, zones?), not MAVLink records"
		}
	}
	return e
}

// isText reports whether b could stand in a text file; its last character may be cut.
func isText(b []byte) bool {
	if len(b) == 0 || bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	for cut := range utf8.UTFMax {
		if cut < len(b) && utf8.Valid(b[:len(b)-cut]) {
			return true
		}
	}
	return false
}

// headLen is how much of a file is looked at to tell what it is.
const headLen = 512

// openLog opens a file that is to be a flight log; the caller closes it.
func openLog(path string) (f *os.File, size int64, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open log: %w", err)
	}
	switch {
	case st.IsDir():
		return nil, 0, &NotALogError{path, "a folder without " + manifestName + ", so no session", remedyTlog}
	case !st.Mode().IsRegular():
		return nil, 0, &NotALogError{path, "not a regular file", "copy what it gives into a .tlog file first"}
	case st.Size() == 0:
		return nil, 0, &NotALogError{path, "the file is empty", remedyTlog}
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("open log: %w", err)
	}
	head := make([]byte, headLen)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read log %s: %w", path, err)
	} else {
		err = refuse(path, head[:n])
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, st.Size(), nil
}
