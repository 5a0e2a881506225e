package database

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// admin is CouchDB's role of its server admins.
const admin = "_admin"

// Private makes a database, unless it is there, that server admins may read and write, and whoever has one of some
// roles; nobody else. See the package doc.
func Private(ctx context.Context, client *kivik.Client, name string, roles ...string) error {
	err := client.CreateDB(ctx, name)
	if err != nil && kivik.HTTPStatus(err) != http.StatusPreconditionFailed {
		return fmt.Errorf("make the database %s: %w", name, err)
	}
	if strings.HasPrefix(name, "_") {
		return nil
	}
	if err := secure(ctx, client.DB(name), roles); err != nil {
		return fmt.Errorf("keep the database %s from strangers: %w", name, err)
	}
	return nil
}

func secure(ctx context.Context, db *kivik.DB, roles []string) error {
	is, err := db.Security(ctx)
	if err != nil {
		return err
	}
	adminsOnly, want := []string{admin}, append([]string{admin}, roles...)
	if m := is.Members; len(m.Names) > 0 || len(m.Roles) > 0 && !slices.Equal(m.Roles, adminsOnly) || slices.Equal(m.Roles, want) {
		return nil
	}
	is.Members.Roles = want
	if len(is.Admins.Names)+len(is.Admins.Roles) == 0 {
		is.Admins.Roles = adminsOnly
	}
	return db.SetSecurity(ctx, is)
}
