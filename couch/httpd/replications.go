package httpd

import "net/url"

// replicationOwner is who made a document of _replicator.
func replicationOwner(body []byte) (owner string) {
	_ = members(body, func(key string, value []byte) error {
		if key == "owner" {
			owner, _ = text(value)
		}
		return nil
	})
	return owner
}

// withoutCredentials drops from a document of _replicator what signs it in at its ends.
func withoutCredentials(body []byte) ([]byte, error) {
	dst := []byte{'{'}
	err := members(body, func(key string, value []byte) error {
		if key == "source" || key == "target" {
			var err error
			if value, err = endpointWithoutCredentials(value); err != nil {
				return err
			}
		}
		dst = appendMember(dst, key, value)
		return nil
	})
	return append(dst, '}'), err
}

// endpointWithoutCredentials is a URL without its user, or an object without auth
// and headers.
func endpointWithoutCredentials(value []byte) ([]byte, error) {
	if !isObject(value) {
		address, err := text(value)
		if err != nil {
			return []byte("null"), nil // no address is understood, so none is shown
		}
		return appendString(nil, withoutUser(address)), nil
	}
	dst := []byte{'{'}
	err := members(value, func(key string, value []byte) error {
		switch key {
		case "auth", "headers":
			return nil
		case "url":
			var err error
			if value, err = endpointWithoutCredentials(value); err != nil {
				return err
			}
		}
		dst = appendMember(dst, key, value)
		return nil
	})
	return append(dst, '}'), err
}

// withoutUser is a URL without its user and password; what is no URL is not shown.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
