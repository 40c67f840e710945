package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"riverwatch/mavlink"
)

// source is one log of a Reader: a foreign one, or a session's.
type source struct {
	path    string
	index   int
	pool    *pool
	foreign bool  // straighten the clock, unless it is a session's
	tagged  bool  // Origin is the index
	whole   bool  // SETUP_SIGNING frames too: to be counted, not handed on
	shift   int64 // added to each time, µs

	session *Manifest // nil: a foreign log
	first   int64     // time of the first frame
	size    int64

	file    *os.File
	scan    *scanner
	clock   clock
	frame   mavlink.Frame // the next one, while another log has its turn
	known   bool          // the newest one is verified
	begun   bool
	told    int64 // of the bytes read, those that the Reader's progress has
	secret  uint64
	steps   uint64
	inbox   mavlink.OwnInbox
	origins *[1 << 16]uint16 // by system and component, as the session's origin notes say

	held  *chunk // the chunk that batch number holds already
	holds uint64
}

// peek finds out what the path is and when its first frame came; found is false for a session without one.
func (s *source) peek() (found bool, err error) {
	if err := s.open(); err != nil {
		return false, err
	}
	defer func() {
		s.close()
		looked := s.scan
		*s = source{path: s.path, index: s.index, pool: s.pool, foreign: s.foreign, tagged: s.tagged, shift: s.shift,
			session: s.session, first: s.first, size: s.size}
		if !found {
			s.scan = looked // it will not be opened again: these are its figures
		}
	}()
	switch err := s.advance(&s.frame); {
	case err == nil:
		s.first, found = s.frame.At, true
	case err != io.EOF:
		return false, err
	}
	// A frame that nobody can verify does not make a flight log.
	for s.session == nil && s.scan.stats.Frames == 0 {
		if err := s.advance(&s.frame); err == io.EOF {
			break
		} else if err != nil {
			return false, err
		}
	}
	if s.session == nil && s.scan.stats.Frames == 0 {
		head := make([]byte, headLen)
		n, err := s.file.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return false, fmt.Errorf("read log %s: %w", s.path, err)
		}
		return false, noRecord(s.path, head[:n], s.size)
	}
	return found, nil
}

// open opens the log, ready for advance.
func (s *source) open() error {
	if s.session == nil {
		m, err := readManifest(s.path)
		if err == nil {
			s.session = &m
		} else if !errors.Is(err, errNoSession) {
			return err
		}
	}
	if s.session == nil {
		f, size, err := openLog(s.path)
		if err != nil {
			return err
		}
		s.file, s.size = f, size
	} else {
		path := filepath.Join(s.path, logName)
		if err := plain(path); err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		st, err := f.Stat()
		if err != nil {
			return fmt.Errorf("open session: %w", errors.Join(err, f.Close()))
		}
		s.file, s.size = f, st.Size()
		s.origins = new([1 << 16]uint16)
	}
	s.scan = newScanner(s.file, s.pool)
	s.scan.trusted = s.session != nil
	return nil
}

// advance reads the next frame into f; io.EOF after the last.
func (s *source) advance(f *mavlink.Frame) error {
	for {
		known, err := s.scan.next(f)
		if err == io.EOF {
			return err
		}
		if err != nil {
			return fmt.Errorf("log %s: %w", s.path, err)
		}
		if s.foreign && s.session == nil {
			var stepped bool
			if f.At, stepped = s.clock.at(f.At); stepped {
				s.steps++
			}
		}
		f.At += s.shift
		if f.MsgID == msgSetupSigning && known {
			s.secret++
			if !s.whole {
				continue
			}
		}
		if s.session != nil {
			s.setOrigin(f)
		}
		if s.tagged && f.Origin != mavlink.OriginOwn {
			f.Origin = uint16(s.index)
		}
		s.known = known
		return nil
	}
}

// setOrigin gives a frame of a session the origin that it had: the station's own notes say it. One that bears a
// signature was verified by the station: it would not be there otherwise.
func (s *source) setOrigin(f *mavlink.Frame) {
	if f.SysID != s.session.Own.System || f.CompID != s.session.Own.Component {
		f.Origin = s.origins[uint16(f.SysID)<<8|uint16(f.CompID)]
		f.Signed = s.session.Verified() && mavlink.Signed(f.Raw)
		return
	}
	f.Origin = mavlink.OriginOwn
	if own, ok := s.inbox.Add(f); ok && own.Kind == mavlink.OwnOrigin {
		if note, ok := mavlink.ReadOrigin(own.Body); ok {
			s.origins[uint16(note.System)<<8|uint16(note.Component)] = note.Origin
		}
	}
}

// verified says whether the signatures in the log have been looked at.
func (s *source) verified() bool { return s.session != nil && s.session.Verified() }

// scanned is how many bytes of the file have been read.
func (s *source) scanned() int64 {
	if s.scan == nil {
		return 0
	}
	return min(s.scan.readSum, s.size)
}

func (s *source) stats() FileStats {
	st := FileStats{}
	if s.scan != nil {
		st = s.scan.stats
	}
	st.Path, st.Secret, st.ClockSteps = s.path, s.secret, s.steps
	return st
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
		s.file = nil
	}
	if s.scan != nil {
		s.scan.close()
	}
}
