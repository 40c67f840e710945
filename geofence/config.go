package geofence

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// Config names one zone file and the system that it was drawn in.
type Config struct {
	File string `yaml:"file"`
	CRS  CRS    `yaml:"crs"` // required: a file drawn on a Chinese web map and taken as WGS-84 is off by half a kilometre
}

// Check reports every mistake in c, each under the key that holds it. It does not look at the file.
func (c Config) Check(report func(path, what, remedy string)) {
	lower := strings.ToLower(c.File)
	switch {
	case c.File == "":
		report("file", "is missing", "name a GeoJSON file")
	case strings.HasSuffix(lower, ".plan"), strings.HasSuffix(lower, ".kml"), strings.HasSuffix(lower, ".kmz"):
		report("file", fmt.Sprintf("%s files are not read by this version", lower[strings.LastIndexByte(lower, '.'):]), "convert it to GeoJSON")
	}
	switch c.CRS {
	case WGS84, GCJ02, BD09:
	case "":
		report("crs", "is missing", "say what the file was drawn in: wgs84 (GPS, MAVLink, surveys), gcj02 (Amap, Tencent) or bd09 (Baidu)")
	default:
		report("crs", fmt.Sprintf("%q is not known", c.CRS), "use wgs84, gcj02 or bd09")
	}
}

// SightLimits says how far a camera's line of sight is believed to give a point (PROTOCOL 2.6).
type SightLimits struct {
	MinDepressionMDeg int64 `json:"min_depression_mdeg"` // thousandths of a degree below the horizon
	MaxRangeDM        int64 `json:"max_range_dm"`        // over ground
	MaxCE90DM         int64 `json:"max_ce90_dm"`
}

// WithDefaults is l with the defaults where it says nothing: 6 degrees, 1,500 m and 150 m.
func (l SightLimits) WithDefaults() SightLimits {
	return SightLimits{
		cmp.Or(l.MinDepressionMDeg, 6_000), cmp.Or(l.MaxRangeDM, 15_000), cmp.Or(l.MaxCE90DM, 1_500),
	}
}

// SightConfig is SightLimits as a configuration gives it; 0 is the default.
type SightConfig struct {
	MinDepressionDeg float64 `yaml:"min_depression_deg"`
	MaxRangeM        float64 `yaml:"max_range_m"`
	MaxCE90M         float64 `yaml:"max_ce90_m"`
}

// SetDefaults fills in what the configuration need not say.
func (c *SightConfig) SetDefaults() { *c = SightConfig{6, 1500, 150} }

// Check reports every mistake in c, each under the key that holds it.
func (c SightConfig) Check(report func(path, what, remedy string)) {
	for _, v := range []struct {
		key, unit          string
		value, least, most float64
		why                string
	}{
		{"min_depression_deg", "degrees", c.MinDepressionDeg, 1, 60, "nearer to the horizon a point means nothing: at 2 degrees and 100 m height it is off by kilometres"},
		{"max_range_m", "m", c.MaxRangeM, 50, 10_000, "how far away your camera still shows a person"},
		{"max_ce90_m", "m", c.MaxCE90M, 10, 5_000, "a point less certain than this is told as a direction only"},
	} {
		if v.value != 0 && !(v.value >= v.least && v.value <= v.most) {
			report(v.key, fmt.Sprintf("%v is not from %v to %v %s", v.value, v.least, v.most, v.unit), v.why)
		}
	}
}

// Limits is what a plan holds of c.
func (c SightConfig) Limits() SightLimits {
	return SightLimits{
		int64(math.Round(c.MinDepressionDeg * 1000)), int64(math.Round(c.MaxRangeM * 10)), int64(math.Round(c.MaxCE90M * 10)),
	}.WithDefaults()
}

// TerrainConfig says where the heights of the ground are.
type TerrainConfig struct {
	Dir string `yaml:"dir"` // of SRTM .hgt files; "": none
}

// Check reports every mistake in c, each under the key that holds it. It does not look at the files.
func (c TerrainConfig) Check(report func(path, what, remedy string)) {
	lower := strings.ToLower(c.Dir)
	for _, ext := range []string{".hgt", ".zip", ".gz", ".tif", ".tiff"} {
		if strings.HasSuffix(lower, ext) {
			report("dir", fmt.Sprintf("%q is a file", c.Dir), "name the folder that holds the unpacked .hgt files")
			return
		}
	}
}
