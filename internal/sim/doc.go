// Package sim flies patrols that nobody has to be there for: a [Plan] says which drones fly where and what they tag
// on the way, [Plan.Steps] turns it into the very MAVLink frames that ArduPilot copters with a camera would send, and
// [Send] puts those on the wire, true to time, over one UDP socket for each drone.
//
//	err := sim.Send(ctx, sim.Ciyao(time.Now()), sim.Options{To: "127.0.0.1:14550"})
//
// It is there for the demo and for tests. It knows nothing of the station: what it sends goes through a real socket
// like everything else.
//
// For measurements there is [Traffic], what up to 254 copters stream; [Load], which puts any number of datagrams of it a
// second on the wire; and [Account], which tells from what came what became of each frame.
//
// A plan is a pure function of its fields: equal plans give equal frames, to the byte. There is no randomness in it and
// no clock but the one that paces Send.
package sim
