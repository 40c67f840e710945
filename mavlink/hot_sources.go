package mavlink

// Readers of the messages that tag without a point of their own, see hot.go.

// RCChannels is RC_CHANNELS (65): pulse widths of the transmitter's channels in µs. A channel that is not used has
// 65535, one of a receiver that hears nothing 0.
type RCChannels struct {
	TimeBootMs      uint32
	Raw             [18]uint16
	Chancount, Rssi uint8 // how many channels are received; 0..254, 255 unknown
}

// ReadRCChannels reads an RC_CHANNELS.
func ReadRCChannels(payload []byte) RCChannels {
	p := full(payload, 42)
	m := RCChannels{TimeBootMs: u32(p, 0), Chancount: p[40], Rssi: p[41]}
	for i := range m.Raw {
		m.Raw[i] = u16(p, 4+2*i)
	}
	return m
}

// ButtonChange is BUTTON_CHANGE (257): which of eight buttons are down, and when that last changed.
type ButtonChange struct {
	TimeBootMs   uint32
	LastChangeMs uint32 // since boot
	State        uint8
}

// ReadButtonChange reads a BUTTON_CHANGE.
func ReadButtonChange(payload []byte) ButtonChange {
	p := full(payload, 9)
	return ButtonChange{TimeBootMs: u32(p, 0), LastChangeMs: u32(p, 4), State: p[8]}
}

// NamedValue is NAMED_VALUE_FLOAT (251) or NAMED_VALUE_INT (252), which lie alike.
type NamedValue struct {
	TimeBootMs uint32
	Bits       uint32   // of the value: a float32 or an int32
	Name       [10]byte // up to the first NUL
}

// ReadNamedValue reads a NAMED_VALUE_FLOAT or NAMED_VALUE_INT.
func ReadNamedValue(payload []byte) NamedValue {
	p := full(payload, 18)
	return NamedValue{TimeBootMs: u32(p, 0), Bits: u32(p, 4), Name: [10]byte(p[8:18])}
}

// CommandInt is COMMAND_INT (75): X and Y are degrees x 1e7 where the command has a position.
type CommandInt struct {
	Param1, Param2, Param3, Param4 float32
	X, Y                           int32
	Z                              float32
	Command                        uint16 // MAV_CMD
	TargetSystem, TargetComponent  uint8
	Frame, Current, Autocontinue   uint8 // Frame is MAV_FRAME
}

// ReadCommandInt reads a COMMAND_INT.
func ReadCommandInt(payload []byte) CommandInt {
	p := full(payload, 35)
	return CommandInt{
		Param1: f32(p, 0), Param2: f32(p, 4), Param3: f32(p, 8), Param4: f32(p, 12), X: i32(p, 16), Y: i32(p, 20), Z: f32(p, 24),
		Command: u16(p, 28), TargetSystem: p[30], TargetComponent: p[31], Frame: p[32], Current: p[33], Autocontinue: p[34],
	}
}

// CommandLong is COMMAND_LONG (76): Param5 and Param6 are degrees where the command has a position.
type CommandLong struct {
	Param1, Param2, Param3, Param4, Param5, Param6, Param7 float32
	Command                                                uint16 // MAV_CMD
	TargetSystem, TargetComponent                          uint8
	Confirmation                                           uint8 // 0 the first time, then counts up
}

// ReadCommandLong reads a COMMAND_LONG.
func ReadCommandLong(payload []byte) CommandLong {
	p := full(payload, 33)
	return CommandLong{
		Param1: f32(p, 0), Param2: f32(p, 4), Param3: f32(p, 8), Param4: f32(p, 12), Param5: f32(p, 16), Param6: f32(p, 20), Param7: f32(p, 24),
		Command: u16(p, 28), TargetSystem: p[30], TargetComponent: p[31], Confirmation: p[32],
	}
}
