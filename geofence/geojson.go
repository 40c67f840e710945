package geofence

import (
	"fmt"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
)

// ToGeoJSON is zones as a FeatureCollection that Parse reads again, in WGS-84: circles as a Point with radius_m.
func ToGeoJSON(zones []Zone) ([]byte, error) {
	all := geojson.NewFeatureCollection()
	for i := range zones {
		all.Append(toFeature(&zones[i]))
	}
	b, err := all.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write zones as GeoJSON: %w", err)
	}
	return b, nil
}

func toFeature(z *Zone) *geojson.Feature {
	f := geojson.NewFeature(toGeometry(z))
	f.Properties = geojson.Properties{"id": z.ID, "name": z.Name, "kind": string(z.Kind)}
	text := func(key, v string) {
		if v != "" {
			f.Properties[key] = v
		}
	}
	metres := func(key string, dm int32) {
		if dm != 0 {
			f.Properties[key] = float64(dm) / 10
		}
	}
	text("left_name", z.LeftName)
	text("right_name", z.RightName)
	text("severity", z.Severity)
	metres("radius_m", z.RadiusDM)
	metres("width_m", z.WidthDM)
	metres("alert_distance_m", z.AlertDistanceDM)
	if z.SurfaceAMSLMM != nil {
		f.Properties["surface_amsl_m"] = float64(*z.SurfaceAMSLMM) / 1000
	}
	if z.MaxUnseenUS > 0 {
		text("max_unseen", (time.Duration(z.MaxUnseenUS) * time.Microsecond).String())
		metres("seen_m", z.SeenDM)
	}
	return f
}

func toGeometry(z *Zone) orb.Geometry {
	switch {
	case z.RadiusDM > 0:
		return toOrb(z.Center)
	case len(z.Line) > 0:
		return orb.LineString(toOrbs(z.Line))
	case len(z.Polygons) == 1:
		return toPolygon(z.Polygons[0])
	}
	m := make(orb.MultiPolygon, 0, len(z.Polygons))
	for _, rings := range z.Polygons {
		m = append(m, toPolygon(rings))
	}
	return m
}

func toPolygon(rings [][]Point) orb.Polygon {
	p := make(orb.Polygon, 0, len(rings))
	for _, r := range rings {
		p = append(p, orb.Ring(toOrbs(r)))
	}
	return p
}

func toOrb(p Point) orb.Point { return orb.Point{float64(p.LonE7) / e7, float64(p.LatE7) / e7} }

func toOrbs(points []Point) []orb.Point {
	out := make([]orb.Point, len(points))
	for i, p := range points {
		out[i] = toOrb(p)
	}
	return out
}
