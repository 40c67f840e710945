package geofence

import (
	"fmt"
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
