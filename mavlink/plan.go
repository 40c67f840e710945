package mavlink

// FleetPlan is the fleet's part of the plan.
type FleetPlan struct {
	Vehicles []VehiclePlan   `json:"vehicles"` // by system id
	Unknown  string          `json:"unknown"`  // "unverified" or "ignore"
	Sources  []Source        `json:"sources"`  // on for every vehicle without sources of its own, sorted
	Options  SourceOptions   `json:"options"`  // of the sources
	Commands []CommandSender `json:"commands"` // who may tag by command
	Own      OwnID           `json:"own"`      // whom such commands are for
	StaleUS  int64           `json:"stale_us"`
	LostUS   int64           `json:"lost_us"`
	Theatre  *Theatre        `json:"theatre,omitempty"`
}

// VehiclePlan is what the plan knows of one vehicle.
type VehiclePlan struct {
	Name    string         `json:"name"`
	System  uint8          `json:"system"`
	Sources []Source       `json:"sources,omitempty"` // instead of FleetPlan.Sources
	Options *SourceOptions `json:"options,omitempty"` // instead of FleetPlan.Options, source by source
	Pins    Pins           `json:"pins,omitzero"`
	Signing Signing        `json:"signing,omitempty"` // "": off
	Camera  CameraPlan     `json:"camera,omitzero"`
}
