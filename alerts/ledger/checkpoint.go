package ledger

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// checkpointEvery is after how many commits the write-ahead log is copied into the file.
	checkpointEvery = 64
	// checkpointAfter is how long that waits: what was committed last is news that somebody is about to be told.
	checkpointAfter = 200 * time.Millisecond
)

// checkpointer copies the write-ahead log into the file beside the writer, over a connection of its own. SQLite would
// do it within a commit, every time the log has grown to a thousand pages, and the alert that came with it would wait
// for two more syncs of the disk. It still does where commits come so fast that the log grows to many times that
// (wal_autocheckpoint).
type checkpointer struct {
	db    *sql.DB
	one   sync.Mutex    // held by who copies, the writer's connection included: SQLite refuses a second one
	due   chan struct{} // of one place
	stop  context.CancelFunc
	ended chan struct{}
}

func newCheckpointer(db *sql.DB, log *zap.Logger) *checkpointer {
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{db: db, due: make(chan struct{}, 1), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.due:
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(checkpointAfter):
			}
			// A failure is no loss: the log grows, and the next one tells the same.
			if err := c.copy(ctx); err != nil && ctx.Err() == nil {
				log.Debug("the ledger's write-ahead log was not copied", zap.Error(err))
			}
		}
	}()
	return c
}

func (c *checkpointer) copy(ctx context.Context) error {
	c.one.Lock()
	defer c.one.Unlock()
	_, err := c.db.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
	return err
}

// committed counts the writer's commits.
func (c *checkpointer) committed(n int) {
	if n%checkpointEvery == 0 {
		select {
		case c.due <- struct{}{}:
		default:
		}
	}
}

func (c *checkpointer) close() error {
	c.stop()
	<-c.ended
	return c.db.Close()
}
