package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"settee/auth/audit"
)

// secrets are all that a test sent or got which nobody else may know: passwords, tokens, codes. No
// entry of the audit log may hold one; every house looks when its test ends.
type secrets struct {
	mu    sync.Mutex
	found map[string]bool
}

// secretMembers are the members of bodies and answers that hold them, at any depth.
var secretMembers = map[string]bool{"password": true, "old": true, "new": true, "token": true, "tfa": true}

// note takes the secrets out of a body, an answer, or the headers of a request.
func (s *secrets) note(raw []byte, headers ...string) {
	var v any
	_ = json.Unmarshal(raw, &v) // what is no JSON has none
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found = map[string]bool{}
	}
	s.walk(v, false)
	for i := 0; i+1 < len(headers); i += 2 {
		if strings.EqualFold(headers[i], "npm-otp") {
			s.walk(headers[i+1], true)
		}
	}
}

func (s *secrets) walk(v any, secret bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			s.walk(member, secret || secretMembers[name])
		}
	case []any:
		for _, element := range v {
			s.walk(element, secret)
		}
	case string:
		if key, is := strings.CutPrefix(v, "otpauth://"); is {
			_, v, _ = strings.Cut(key, "secret=")
			v, _, _ = strings.Cut(v, "&")
		}
		if secret && len(v) >= 6 && v != "auth-only" && v != "auth-and-writes" && v != "disable" && (len(v) > 12 || !strings.HasPrefix(v, "npm_")) {
			s.found[v] = true
		}
	}
}

// keepsSecrets looks for them in the whole log.
func (h *house) keepsSecrets() {
	h.secrets.mu.Lock()
	defer h.secrets.mu.Unlock()
	for e, err := range audit.Query(context.Background(), h.client.DB(audit.Database), audit.Filter{}) {
		require.NoError(h.t, err)
		delete(e.Details, "integrity") // may hold any six digits
		e.ID = ""
		said := fmt.Sprintf("%+v", e)
		for secret := range h.secrets.found {
			require.NotContains(h.t, said, secret)
		}
	}
}
