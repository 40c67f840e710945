package alerts

// Plan is the Book's part of the plan: by what rules sightings become alerts, and whom to tell.
type Plan struct {
	Rules      []Rule   `json:"rules"`      // in file order
	Recipients []string `json:"recipients"` // ids
}

// Rule says which sightings near which zones make an alert.
type Rule struct {
	Name         string   `json:"name"`
	Near         []string `json:"near"` // kinds of zone
	Severity     Severity `json:"severity"`
	MinCertainty string   `json:"min_certainty"`     // "possible", "likely" or "certain"
	WithinDM     int64    `json:"within_dm"`         // merging: how far from the last sighting
	QuietUS      int64    `json:"quiet_us"`          // merging: how long after the last sighting
	Kinds        []string `json:"kinds,omitempty"`   // of sightings; empty: all
	Sources      []string `json:"sources,omitempty"` // empty: all
	Zones        []string `json:"zones,omitempty"`   // ids; empty: all
}

// certainties in their order, least first; the index is the rank.
var certainties = [...]string{"", "possible", "likely", "certain"}

// unlocated is the certainty of an alert whose newest sighting has no position and that never had one.
const unlocated = "unlocated"

func rank[T comparable](order []T, word T) int {
	for i, w := range order {
		if w == word {
			return i
		}
	}
	return 0
}

var severities = [...]Severity{"", Low, Medium, High, Critical}

// Severities lists the severities, least first.
func Severities() []Severity { return severities[1:] }

func worse(a, b Severity) Severity {
	if rank(severities[:], b) > rank(severities[:], a) {
		return b
	}
	return a
}

// accepts says whether the rule looks at such sightings at all.
func (r *Rule) accepts(s *Sighting) bool {
	return oneOf(r.Kinds, s.Kind) && oneOf(r.Sources, s.Source)
}

// near says whether the rule's alert may stand at the zone.
func (r *Rule) near(n *Near) bool {
	return len(r.Near) > 0 && oneOf(r.Near, n.ZoneKind) && oneOf(r.Zones, n.Zone) &&
		rank(certainties[:], n.Certainty) >= rank(certainties[:], r.MinCertainty)
}

// oneOf is true for an empty list: what is not restricted is accepted.
func oneOf(list []string, word string) bool {
	if len(list) == 0 {
		return true
	}
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// match finds the first rule that has a near zone, and the index of its best zone; for a sighting of which neither
// place nor direction is known the first rule that accepts it, and -1.
func (p *Plan) match(s *Sighting, nears []Near) (rule *Rule, zone int) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if !r.accepts(s) {
			continue
		}
		if !s.Located && s.Ray == nil {
			return r, -1
		}
		for j := range nears {
			if r.near(&nears[j]) {
				return r, j
			}
		}
	}
	return nil, -1
}
