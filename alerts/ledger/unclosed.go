package ledger

import (
	"fmt"

	"riverwatch/alerts"
)

// Unclosed gives what the ledger knows of each alert that is not closed, oldest first: for a Book that has to be made
// without a log.
func (l *Ledger) Unclosed() ([]alerts.Adopted, error) {
	open, err := list(l.readers, `SELECT a.owner, e.data FROM alerts a JOIN events e ON e.n = a.last
		WHERE a.state <> 'closed' ORDER BY a.first`, nil, func(row scanner, a *alerts.Adopted) (int64, error) {
		var data []byte
		if err := row.Scan(&a.Owner, &data); err != nil {
			return 0, err
		}
		var err error
		a.Newest, err = readTransition(data)
		return 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("list alerts that are not closed: %w", err)
	}
	return open, nil
}
