package configs

import "embed"

// Example holds ciyao.geojson, the example zones that the demonstration flies over, and riverwatch.example.yaml, every
// key of the configuration with its default.
//
//go:embed ciyao.geojson riverwatch.example.yaml
var Example embed.FS
