package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// rowsPerGigabyte are the users that make a gigabyte with their orders and indexes.
const rowsPerGigabyte = 3_125_000

// edition goes up when a source is made in another way: by its tables, its WAL, or the
// options of its backups.
const edition = 1

// Recipe says what a source is made of. The same recipe makes the same source, so that it is
// made once.
type Recipe struct {
	Name       string  `json:"name"`
	Gigabytes  float64 `json:"gigabytes"`
	Segments   int     `json:"segments"` // of WAL behind the last backup, at least; 0 for a few
	PostgreSQL string  `json:"postgresql"`
	PgBackRest string  `json:"pgbackrest"`
	Edition    int     `json:"edition"`
}

// walName is the source that has much to replay.
const walName = "wal"

// sized is a source of a database of so many gigabytes and a few segments.
func sized(gigabytes float64) Recipe {
	return Recipe{
		Name: strconv.FormatFloat(gigabytes, 'f', -1, 64) + "GB", Gigabytes: gigabytes, Edition: edition,
	}
}

// Much WAL is that of a day of production: this many segments to a database of this size. Where
// fewer are asked for, the database is smaller too.
const (
	muchWAL      = 160
	walGigabytes = 1.2
)

// replayed is the source of as many segments.
func replayed(segments int) Recipe {
	gigabytes := walGigabytes * min(float64(segments)/muchWAL, 1)
	return Recipe{Name: walName, Gigabytes: gigabytes, Segments: segments, Edition: edition}
}

func (r Recipe) rows() int { return int(r.Gigabytes * rowsPerGigabyte) }

// key is another one when anything the source is made of is.
func (r Recipe) key() string {
	content, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers
	}
	sum := sha256.Sum256(content)
	return r.Name + "-" + hex.EncodeToString(sum[:6])
}

func (r Recipe) String() string {
	if r.Segments == 0 {
		return fmt.Sprintf("%g GB", r.Gigabytes)
	}
	return fmt.Sprintf("%g GB and %d segments of WAL", r.Gigabytes, r.Segments)
}

const gigabyte = 1e9

// room is what making a source takes of the disk at the worst moment, in bytes: the
// cluster, its WAL and the repository; and what measuring it takes, a restored cluster with the
// WAL that waits to be replayed.
func (r Recipe) room() (toMake, toMeasure int64) {
	const wal = 5 * gigabyte // max_wal_size of the cluster, and what is not archived yet
	return int64(2*r.Gigabytes*gigabyte) + wal, int64(1.3*r.Gigabytes*gigabyte) + wal
}
