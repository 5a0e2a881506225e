package driver_test

import (
	"context"
	"fmt"
	"os"

	"github.com/go-kivik/kivik/v4"

	_ "settee/couch/driver"
)

// A program with a document store of its own, no server beside it.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "settee")
	defer os.RemoveAll(dir)

	client, err := kivik.New("settee", dir)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	if err := client.CreateDB(ctx, "films"); err != nil {
		panic(err)
	}
	db := client.DB("films")
	rev, err := db.Put(ctx, "alien", map[string]any{"year": 1979})
	fmt.Println(rev, err)

	var film struct{ Year int }
	err = db.Get(ctx, "alien").ScanDoc(&film)
	fmt.Println(film.Year, err)
	// Output:
	// 1-7908da784564819be81d7e03fe598fd1 <nil>
	// 1979 <nil>
}
