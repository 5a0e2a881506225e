package auth

import "time"

// SecurityKey is what is known of a key of WebAuthn.
type SecurityKey struct {
	ID      string    `json:"id"`   // of the credential, base64url
	Name    string    `json:"name"` // what its owner calls it
	Created time.Time `json:"created"`
}

// securityKey is a key as it is kept.
type securityKey struct {
	SecurityKey
	Count uint32 `json:"count"` // signatures it has made, as it says; 0: it does not count
}
