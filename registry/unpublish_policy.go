package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/views/packuments"
)

// defaultUnpublishDownloads is the public registry's: what was fetched less in a week hardly anybody uses.
const defaultUnpublishDownloads = 300

// mayUnpublish is the policy for versions of a package: each within its time after the publish; later
// where nobody can be hurt by it. Admins may always.
func (r *Registry) mayUnpublish(ctx context.Context, who auth.Identity, cur *packument, numbers ...string) error {
	late := false
	for _, number := range numbers {
		at, err := time.Parse(time.RFC3339, cur.timeOf(number))
		late = late || err != nil || r.o.Now().Sub(at) > r.o.UnpublishWithin
	}
	if !late || who.Admin() {
		return nil
	}
	failed, err := r.unpublishCriteria(ctx, cur)
	if err != nil || len(failed) == 0 {
		return err
	}
	of := string(cur.name)
	if len(numbers) == 1 && len(cur.versions) > 1 {
		of += "@" + numbers[0]
	}
	return fail(http.StatusMethodNotAllowed, "You can no longer unpublish this package.\nFailed criteria: \n%s\n\nPlease deprecate it instead:\nnpm deprecate -f '%s' \"this package has been deprecated\"", strings.Join(failed, "\n"), of)
}

// unpublishCriteria are those that a package fails which is older than it may be.
func (r *Registry) unpublishCriteria(ctx context.Context, cur *packument) (failed []string, err error) {
	if r.o.UnpublishDownloads < 0 && r.o.UnpublishWithin < 0 {
		return []string{"is in a registry whose administrators alone unpublish"}, nil
	}
	if r.o.UnpublishDownloads < 0 {
		return []string{"was published more than " + hours(r.o.UnpublishWithin) + " ago"}, nil
	}
	dependents, err := r.hasDependents(ctx, cur.name)
	if err != nil {
		return nil, err
	}
	if dependents {
		failed = append(failed, "has dependent packages in the registry")
	}
	if len(cur.maintainers()) > 1 {
		failed = append(failed, "has more than one owner")
	}
	if r.o.Downloads == nil {
		return append(failed, "has downloads that nobody counted"), nil
	}
	week, err := r.o.Downloads.Weekly(ctx, string(cur.name))
	if err != nil {
		return nil, err
	}
	if week >= int64(r.o.UnpublishDownloads) {
		failed = append(failed, fmt.Sprintf("has %d or more downloads in the last week", r.o.UnpublishDownloads))
	}
	return failed, nil
}

// hasDependents reports whether the latest version of another package here needs one.
func (r *Registry) hasDependents(ctx context.Context, name PackageName) (bool, error) {
	rows := r.db.Query(ctx, packuments.Name, "dependents", kivik.Params(map[string]any{"key": string(name), "limit": 2, "reduce": false}))
	defer rows.Close()
	found := false
	for rows.Next() { // to the end: Kivik closes what is left in two places at once
		id, err := rows.ID()
		if err != nil {
			return false, err
		}
		found = found || PackageName(id) != name
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("registry: ask who needs %s: %w", name, err)
	}
	return found, nil
}

func hours(d time.Duration) string {
	if d%time.Hour == 0 && d >= time.Hour {
		return string(number(int64(d/time.Hour))) + " hours"
	}
	return d.String()
}
