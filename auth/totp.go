package auth

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// totp is the member "totp" of a document of _users: CouchDB's second factor, of
// RFC 6238. One that cannot be read lets nobody in.
type totp struct {
	key       []byte
	algorithm string // a name of macs
	length    int    // digits
}

// totpStep is how long a code holds; the one before and the one after are taken too.
const totpStep = 30

func parseTOTP(doc object) *totp {
	if !doc.has("totp") {
		return nil
	}
	var members struct {
		Key       string `json:"key"`
		Algorithm string `json:"algorithm"`
		Length    int    `json:"length"`
	}
	members.Algorithm, members.Length = "sha", 6
	if !doc.scan("totp", &members) {
		return &totp{}
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(members.Key), "="))
	if err != nil {
		return &totp{}
	}
	return &totp{key: key, algorithm: members.Algorithm, length: members.Length}
}

// accepts reports whether a token is the code of now, or of the step before or after.
func (t *totp) accepts(token string, now time.Time) bool {
	if len(t.key) == 0 || macs[t.algorithm] == nil || t.length < 6 || t.length > 8 {
		return false
	}
	match := 0
	step := now.Unix() / totpStep
	for counter := step - 1; counter <= step+1; counter++ {
		match |= subtle.ConstantTimeCompare([]byte(t.code(counter)), []byte(token))
	}
	return match == 1
}

// code is RFC 4226's.
func (t *totp) code(counter int64) string {
	mac := hmac.New(macs[t.algorithm], t.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(counter)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	if int(at)+4 > len(sum) {
		return "" // a hash too short for the last offsets, as MD5
	}
	number := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	text := fmt.Sprintf("%010d", number)
	return text[len(text)-t.length:]
}
