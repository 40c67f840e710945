package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"riverwatch/alerts"
	"riverwatch/geofence"
	"riverwatch/mavlink"
)

// planFormat is the format of a plan's JSON.
const planFormat = 1

// Plan is what the fold judges by. It holds no secrets, addresses or names of people.
type Plan struct {
	Format int               `json:"format"`
	Fleet  mavlink.FleetPlan `json:"fleet"`
	Zones  []geofence.Zone   `json:"zones"`
	Book   alerts.Plan       `json:"book"`
}

// Judge is a plan ready to judge by. It is immutable and may be shared.
type Judge struct {
	Plan   *Plan
	JSON   []byte // canonical
	Digest string // hex SHA-256 of JSON
	Index  *geofence.Index
}

// Compile makes a plan ready: its canonical JSON, its digest, the index over its zones.
func Compile(p Plan) (*Judge, error) {
	p.Format = planFormat
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("compile plan: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return &Judge{Plan: &p, JSON: canonical, Digest: hex.EncodeToString(sum[:]), Index: geofence.NewIndex(p.Zones)}, nil
}

// ReadPlan compiles a plan from its canonical JSON, as a session keeps it.
func ReadPlan(canonical []byte) (*Judge, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(canonical))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if p.Format != planFormat {
		return nil, fmt.Errorf("read plan: format %d is not %d, the one this version knows", p.Format, planFormat)
	}
	j, err := Compile(p)
	if err == nil && !bytes.Equal(j.JSON, canonical) {
		err = fmt.Errorf("read plan: %s is not its canonical form; the file was changed", j.Digest[:8])
	}
	return j, err
}
