package replay

const (
	smallStepUS = 10 * secondUS
	bigStepUS   = dayUS
)

// clock straightens the stamps of a foreign log, whose recorder's clock may have been set while it recorded: small
// steps back are held, larger ones and leaps forward shift what follows, so that time goes on from where it was.
type clock struct {
	last  int64
	shift int64
	any   bool
}

// at returns the station time of a stamp, never before the last one, and whether the clock stepped here.
func (c *clock) at(stamp int64) (at int64, stepped bool) {
	at = stamp + c.shift
	switch {
	case !c.any:
		c.any = true
	case at < c.last-smallStepUS || at > c.last+bigStepUS:
		c.shift += c.last - at
		at, stepped = c.last, true
	case at < c.last:
		at = c.last
	}
	c.last = at
	return at, stepped
}
