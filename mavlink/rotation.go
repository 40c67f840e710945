package mavlink

import "math"

// quat is a unit quaternion that turns a vector of the body (x ahead, y right, z down) into the frame that the body is
// told in: north, east, down, or ahead of the vehicle, to its right, down.
type quat struct{ w, x, y, z float64 }

// vec is a direction: north, east, down.
type vec struct{ n, e, d float64 }

const deg = math.Pi / 180

// turned is the attitude of a body with these angles, radians: yaw about down, then pitch about the new right, then roll
// about the new ahead, as ATTITUDE means its angles.
func turned(roll, pitch, yaw float64) quat {
	sr, cr := math.Sincos(roll / 2)
	sp, cp := math.Sincos(pitch / 2)
	sy, cy := math.Sincos(yaw / 2)
	return quat{
		w: cr*cp*cy + sr*sp*sy,
		x: sr*cp*cy - cr*sp*sy,
		y: cr*sp*cy + sr*cp*sy,
		z: cr*cp*sy - sr*sp*cy,
	}
}

// quatOf takes a quaternion over from a message: finite, and of length 1 within 1 %, which is more than any sender's
// rounding and less than what a filler or another field order gives.
func quatOf(q [4]float32) (quat, bool) {
	p := quat{float64(q[0]), float64(q[1]), float64(q[2]), float64(q[3])}
	n := p.norm()
	if !(n >= 0.99 && n <= 1.01) { // NaN fails
		return quat{}, false
	}
	return quat{p.w / n, p.x / n, p.y / n, p.z / n}, true
}

func (a quat) norm() float64 { return math.Sqrt(a.w*a.w + a.x*a.x + a.y*a.y + a.z*a.z) }

func (a quat) unit() quat {
	n := a.norm()
	return quat{a.w / n, a.x / n, a.y / n, a.z / n}
}

// mul is the rotation b followed, in the outer frame, by a.
func (a quat) mul(b quat) quat {
	return quat{
		w: a.w*b.w - a.x*b.x - a.y*b.y - a.z*b.z,
		x: a.w*b.x + a.x*b.w + a.y*b.z - a.z*b.y,
		y: a.w*b.y - a.x*b.z + a.y*b.w + a.z*b.x,
		z: a.w*b.z + a.x*b.y - a.y*b.x + a.z*b.w,
	}
}

// boresight is where the body's x points.
func (a quat) boresight() vec {
	return vec{1 - 2*(a.y*a.y+a.z*a.z), 2 * (a.x*a.y + a.w*a.z), 2 * (a.x*a.z - a.w*a.y)}.unit()
}

// between turns a towards b at an even rate, the short way: f 0 is a, 1 is b.
func (a quat) between(b quat, f float64) quat {
	cos := a.w*b.w + a.x*b.x + a.y*b.y + a.z*b.z
	if cos < 0 { // the same attitude, told the other way round
		b, cos = quat{-b.w, -b.x, -b.y, -b.z}, -cos
	}
	ka, kb := 1-f, f
	if angle := math.Acos(min(cos, 1)); angle > 1e-4 {
		sin := math.Sin(angle)
		ka, kb = math.Sin((1-f)*angle)/sin, math.Sin(f*angle)/sin
	}
	return quat{ka*a.w + kb*b.w, ka*a.x + kb*b.x, ka*a.y + kb*b.y, ka*a.z + kb*b.z}.unit()
}

func (v vec) unit() vec {
	n := math.Sqrt(v.n*v.n + v.e*v.e + v.d*v.d)
	return vec{v.n / n, v.e / n, v.d / n}
}

func (v vec) dot(u vec) float64 { return v.n*u.n + v.e*u.e + v.d*u.d }

// pitch and yaw are the direction's angles above the horizon and from north, radians.
func (v vec) pitch() float64 { return math.Asin(max(-1, min(1, -v.d))) }
func (v vec) yaw() float64   { return math.Atan2(v.e, v.n) }

// halfTurn is an angle brought into ±pi.
func halfTurn(a float64) float64 { return math.Remainder(a, 2*math.Pi) }
