// Package geofence knows zones: it reads them from files, tells what a track's fixes do to them, and what they say of
// a sighting. It is the only place that knows geometry.
//
//	zones, problems := geofence.ParseFiles(files) // every mistake at once, with its place and remedy
//	index := geofence.NewIndex(zones)             // read-only, for many
//	tracker := geofence.NewTracker(index)         // one goroutine's
//	events = tracker.Observe(fix, events[:0])     // entered, left, crossed
//	unseen = tracker.Unseen(at, hearing, unseen[:0])
//	nears = index.Near(point, ce90, nears[:0])    // best first; NearEllipse and NearSector for what a camera saw
//
// and meets a camera's line of sight with the ground: Sight, Terrain, Index.Surface.
//
// It promises:
//
//   - Pure: no clock, no I/O, no randomness; the same fixes give the same events, and a tracker restored from its State
//     goes on as if nothing had been. What it caches changes no answer.
//   - Exact where it can be: positions are whole 1e-7 degrees, and whether a point is inside a ring, or two segments
//     meet, is decided in integers. Distances are taken with the radii of the WGS-84 ellipsoid at the latitude half way
//     between the two points, so they agree with the geodesic to a decimetre up to 10 km, and are rounded to whole
//     decimetres before anyone decides on them.
//   - A line between two positions is straight in degrees, as RFC 7946 has it, however long: nothing needs to be put in
//     between for the metric's sake. For a file in GCJ-02 or BD-09, whose straight lines are not straight in WGS-84,
//     points are put in between on load, so that edges stay within a decimetre of where the map had them.
//   - A fix that changes nothing costs a few nanoseconds, allocates nothing, and does so among 100,000 zones as among
//     ten: for each track the tracker keeps how far around it no zone's rim is.
//
// Zones do not reach across the antimeridian or beyond 85 degrees of latitude, and nothing is found across the former.
package geofence
