package mavlink

// GNSSIntegrity is GNSS_INTEGRITY (441): what a receiver says of errors, jamming and deception. Accuracies are in cm
// (65535 unknown), qualities 0 to 10 (255 unknown).
type GNSSIntegrity struct {
	SystemErrors                             uint32 // GPS_SYSTEM_ERROR_FLAGS
	RaimHfom, RaimVfom                       uint16
	ID                                       uint8 // of the receiver
	AuthenticationState                      uint8
	JammingState                             uint8 // GPS_JAMMING_STATE
	SpoofingState                            uint8 // GPS_SPOOFING_STATE: 0 unknown, 1 none, 2 mitigated, 3 detected, with a fix all the same
	RaimState                                uint8
	CorrectionsQuality, SystemStatusSummary  uint8
	GnssSignalQuality, PostProcessingQuality uint8
}

// ReadGNSSIntegrity reads a GNSS_INTEGRITY.
func ReadGNSSIntegrity(payload []byte) GNSSIntegrity {
	p := full(payload, 17)
	return GNSSIntegrity{
		SystemErrors: u32(p, 0), RaimHfom: u16(p, 4), RaimVfom: u16(p, 6), ID: p[8], AuthenticationState: p[9], JammingState: p[10],
		SpoofingState: p[11], RaimState: p[12], CorrectionsQuality: p[13], SystemStatusSummary: p[14], GnssSignalQuality: p[15],
		PostProcessingQuality: p[16],
	}
}
