package mavlink

import "strconv"

// The numbers of MAV_TYPE, MAV_AUTOPILOT and MAV_MODE_FLAG that decisions rest on (minimal.xml).
const (
	typeAntennaTracker = 5
	typeGCS            = 6

	autopilotArduPilot = 3
	autopilotInvalid   = 8
	autopilotPX4       = 12

	modeFlagCustom = 1
	modeFlagArmed  = 128
)

// family is a firmware whose custom_mode numbers mean the same.
type family uint8

const (
	familyNone family = iota
	familyCopter
	familyPlane
	familyRover
	familySub
)

// vehicleType is what a MAV_TYPE is called, which ArduPilot firmware flies it, and whether it is a part of a vehicle or
// a station and so never a vehicle by itself, whatever its HEARTBEAT says of an autopilot.
type vehicleType struct {
	word   string
	family family
	part   bool
}

var vehicleTypes = [...]vehicleType{
	0:                  {word: "generic"},
	1:                  {word: "fixed_wing", family: familyPlane},
	2:                  {word: "quadrotor", family: familyCopter},
	3:                  {word: "coaxial", family: familyCopter},
	4:                  {word: "helicopter", family: familyCopter},
	typeAntennaTracker: {word: "antenna_tracker", part: true},
	typeGCS:            {word: "gcs", part: true},
	7:                  {word: "airship"},
	8:                  {word: "free_balloon"},
	9:                  {word: "rocket"},
	10:                 {word: "ground_rover", family: familyRover},
	11:                 {word: "surface_boat", family: familyRover},
	12:                 {word: "submarine", family: familySub},
	13:                 {word: "hexarotor", family: familyCopter},
	14:                 {word: "octorotor", family: familyCopter},
	15:                 {word: "tricopter", family: familyCopter},
	16:                 {word: "flapping_wing"},
	17:                 {word: "kite"},
	18:                 {word: "onboard_controller", part: true},
	19:                 {word: "vtol_tailsitter_duorotor", family: familyPlane},
	20:                 {word: "vtol_tailsitter_quadrotor", family: familyPlane},
	21:                 {word: "vtol_tiltrotor", family: familyPlane},
	22:                 {word: "vtol_fixedrotor", family: familyPlane},
	23:                 {word: "vtol_tailsitter", family: familyPlane},
	24:                 {word: "vtol_tiltwing", family: familyPlane},
	25:                 {word: "vtol", family: familyPlane},
	26:                 {word: "gimbal", part: true},
	27:                 {word: "adsb", part: true},
	28:                 {word: "parafoil"},
	29:                 {word: "dodecarotor", family: familyCopter},
	30:                 {word: "camera", part: true},
	31:                 {word: "charging_station", part: true},
	32:                 {word: "flarm", part: true},
	33:                 {word: "servo", part: true},
	34:                 {word: "odid", part: true},
	35:                 {word: "decarotor", family: familyCopter},
	36:                 {word: "battery", part: true},
	37:                 {word: "parachute", part: true},
	38:                 {word: "log", part: true},
	39:                 {word: "osd", part: true},
	40:                 {word: "imu", part: true},
	41:                 {word: "gps", part: true},
	42:                 {word: "winch", part: true},
	43:                 {word: "multirotor", family: familyCopter},
	44:                 {word: "illuminator", part: true},
	45:                 {word: "spacecraft"},
	46:                 {word: "quadruped", family: familyRover},
	47:                 {word: "vtol_gyrodyne"},
	48:                 {word: "gripper", part: true},
	49:                 {word: "radio", part: true},
}

// autopilots are the words of MAV_AUTOPILOT.
var autopilots = [...]string{
	0: "generic", 1: "reserved", 2: "slugs", autopilotArduPilot: "ardupilot", 4: "openpilot", 5: "generic", 6: "generic", 7: "generic",
	autopilotInvalid: "invalid", 9: "paparazzi", 10: "udb", 11: "flexipilot", autopilotPX4: "px4", 13: "smaccmpilot", 14: "autoquad",
	15: "armazila", 16: "aerob", 17: "asluav", 18: "smartap", 19: "airrails", 20: "reflex",
}

// statuses are the words of MAV_STATE.
var statuses = [...]string{"uninit", "boot", "calibrating", "standby", "active", "critical", "emergency", "poweroff", "flight_termination"}

// ardupilotModes are the custom_mode numbers of ArduPilot's firmwares: COPTER_MODE, PLANE_MODE, ROVER_MODE and SUB_MODE
// of ardupilotmega.xml, with the numbers of older firmware that pymavlink still names.
var ardupilotModes = [...][]string{
	familyCopter: {0: "stabilize", 1: "acro", 2: "alt_hold", 3: "auto", 4: "guided", 5: "loiter", 6: "rtl", 7: "circle", 8: "position",
		9: "land", 10: "of_loiter", 11: "drift", 13: "sport", 14: "flip", 15: "autotune", 16: "poshold", 17: "brake", 18: "throw",
		19: "avoid_adsb", 20: "guided_nogps", 21: "smart_rtl", 22: "flowhold", 23: "follow", 24: "zigzag", 25: "systemid",
		26: "autorotate", 27: "auto_rtl", 28: "turtle", 29: "rate_acro"},
	familyPlane: {0: "manual", 1: "circle", 2: "stabilize", 3: "training", 4: "acro", 5: "fbwa", 6: "fbwb", 7: "cruise", 8: "autotune",
		10: "auto", 11: "rtl", 12: "loiter", 13: "takeoff", 14: "avoid_adsb", 15: "guided", 16: "initialising", 17: "qstabilize",
		18: "qhover", 19: "qloiter", 20: "qland", 21: "qrtl", 22: "qautotune", 23: "qacro", 24: "thermal", 25: "loiter_alt_qland",
		26: "autoland"},
	familyRover: {0: "manual", 1: "acro", 2: "learning", 3: "steering", 4: "hold", 5: "loiter", 6: "follow", 7: "simple", 8: "dock",
		9: "circle", 10: "auto", 11: "rtl", 12: "smart_rtl", 15: "guided", 16: "initialising"},
	familySub: {0: "stabilize", 1: "acro", 2: "alt_hold", 3: "auto", 4: "guided", 5: "velhold", 6: "rtl", 7: "circle", 9: "surface",
		16: "poshold", 19: "manual", 20: "motordetect", 21: "surftrak"},
}

// px4Modes are PX4's main modes and px4Autos the sub modes of main mode 4 (px4_custom_mode.h).
var (
	px4Modes = [...]string{1: "manual", 2: "altitude", 3: "position", 4: "auto", 5: "acro", 6: "offboard", 7: "stabilized", 8: "rattitude",
		9: "simple", 10: "termination", 11: "altitude_cruise"}
	px4Autos = [...]string{1: "ready", 2: "takeoff", 3: "hold", 4: "mission", 5: "return", 6: "land", 8: "follow", 9: "precision_land",
		10: "vtol_takeoff", 11: "external1", 12: "external2", 13: "external3", 14: "external4", 15: "external5", 16: "external6",
		17: "external7", 18: "external8"}
)

const px4Auto = 4

// word is table[n], or what and n where the table has no word for n.
func word(table []string, n uint32, what string) string {
	if uint64(n) < uint64(len(table)) && table[n] != "" {
		return table[n]
	}
	return what + strconv.FormatUint(uint64(n), 10)
}

// modeWord is the flight mode as its pilot knows it, "mode N" where the numbers are not known.
func modeWord(autopilot, typ, baseMode uint8, custom uint32) string {
	const unknown = "mode "
	switch {
	case baseMode&modeFlagCustom == 0:
	case autopilot == autopilotArduPilot && int(typ) < len(vehicleTypes):
		return word(ardupilotModes[vehicleTypes[typ].family], custom, unknown)
	case autopilot == autopilotPX4:
		// union px4_custom_mode: 16 bits reserved, main mode, sub mode
		if auto := custom >> 24; custom>>16&0xff == uint32(px4Auto) && auto != 0 {
			return word(px4Autos[:], auto, unknown)
		}
		return word(px4Modes[:], custom>>16&0xff, unknown)
	}
	return word(nil, custom, unknown)
}

func typeWord(typ uint8) string {
	if int(typ) < len(vehicleTypes) {
		return vehicleTypes[typ].word
	}
	return word(nil, uint32(typ), "type ")
}

// isVehicle says whether a HEARTBEAT speaks for a vehicle, not for a part of one or for a station: its type and
// autopilot decide, never its component id (devguide, services/heartbeat; pymavlink's probably_vehicle_heartbeat).
func isVehicle(typ, autopilot uint8) bool {
	return autopilot != autopilotInvalid && (int(typ) >= len(vehicleTypes) || !vehicleTypes[typ].part)
}

// onTheGround says whether a MAV_TYPE is that of a rover, a boat or a submarine.
func onTheGround(typ uint8) bool {
	return int(typ) < len(vehicleTypes) && vehicleTypes[typ].family >= familyRover
}
