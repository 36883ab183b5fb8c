package compare

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

var twoClones = Pair{One: "set B", Other: "set A", Clones: true}

// What is damaged keeps a database from being entered in a way of its own.
func TestRefusal(t *testing.T) {
	answer := func(code, message string) error { return &pgconn.PgError{Code: code, Message: message} }
	for _, err := range []error{
		answer("3D000", `database "app" does not exist`), answer("XX001", "invalid page in block 0"),
		answer("58P01", `could not open file "base/16384/1259"`),
		answer("22023", `"base/16384" is not a valid data directory`),
	} {
		assert.True(t, refusal(err).Damaged, "%v", err)
		assert.NotEmpty(t, refusal(err).Code)
	}
	locale := reason.Errorf(reason.ToolMissing, "not here: %w", answer("XX000", "database locale is incompatible"))
	for _, err := range []error{
		locale, answer("42501", "permission denied"), answer("53300", "too many"), errors.New("EOF\nlate"),
	} {
		assert.False(t, refusal(err).Damaged, "%v", err)
		assert.NotContains(t, refusal(err).Why, "\n")
	}
}

// A database that is entered on one side and damaged on the other is a difference; of two clones every other one is
// too. What a clone of a standby does not list may have another name by now.
func TestCompare_Databases(t *testing.T) {
	damaged, refused, missing, closed := side(), side(), side(), side()
	damaged.Databases, damaged.Refused["app"] = nil, Refusal{Why: "no", Code: "3D000", Damaged: true}
	refused.Databases, refused.Refused["app"] = nil, Refusal{Why: "no locale"}
	missing.Databases = nil
	closed.Databases, closed.Closed = nil, []LeftOut{{ID: ID{Database: "app"}}}
	for name, c := range map[string]struct {
		pair Pair
		with Side
		say  string // a difference
		left string
	}{
		"damaged": {
			WithStandby, damaged, "database app: the clone cannot enter it (SQLSTATE 3D000), the standby can: no", "",
		},
		"refused": {WithStandby, refused, "", "database app: the clone cannot be asked for it: no locale"},
		"missing": {
			WithStandby, missing, "", "database app: the clone does not list it, or it takes no connections there",
		},
		"set damaged": {twoClones, damaged, "database app: set A cannot enter it (SQLSTATE 3D000), set B can: no", ""},
		"set refused": {twoClones, refused, "", "database app: set A cannot be asked for it: no locale"},
		"set missing": {twoClones, missing, "database app: is missing in set A", ""},
		"set closed":  {twoClones, closed, "database app: it takes no connections in set A, and does in set B", ""},
	} {
		r := c.pair.Compare(side(4, 5, 6), c.with)
		if c.say != "" {
			assert.Equal(t, []string{c.say}, said(r), name)
			assert.Empty(t, r.LeftOut, name)
			continue
		}
		assert.Empty(t, r.Differences, name)
		if assert.Len(t, r.LeftOut, 1, name) {
			assert.Equal(t, c.left, r.LeftOut[0].String(), name)
		}
	}
	r := twoClones.Compare(damaged, side(4, 5, 6))
	assert.Contains(t, said(r), "database app: set B cannot enter it (SQLSTATE 3D000), set A can: no")
	r = twoClones.Compare(damaged, damaged)
	assert.Empty(t, r.Differences)
	assert.Len(t, r.LeftOut, 1, "nobody can enter it")
}

// What nobody entered is among all there is, so that a share of it is never the whole; what holds nothing is not.
func TestCompare_ShareOfDatabases(t *testing.T) {
	whole := side(4, 5, 6)
	whole.Blocks = map[string]int64{"app": 9 * PartBlocks, "template0": 0}
	whole.Closed = []LeftOut{{ID: ID{Database: "template0"}}}
	assert.InDelta(t, 1, Compare(whole, side(4, 5, 6)).Coverage(), 0)
	assert.False(t, whole.Shut())

	part := side(4, 5, 6)
	part.Blocks = map[string]int64{"app": 9 * PartBlocks, "large": 9 * PartBlocks}
	assert.InDelta(t, 0.25, Compare(part, side(4, 5, 6)).Coverage(), 0)
	assert.True(t, part.Shut())
	part.Closed = []LeftOut{{ID: ID{Database: "large"}}}
	assert.InDelta(t, 0.25, Compare(part, side(4, 5, 6)).Coverage(), 0)
	assert.False(t, part.Shut(), "it takes no connections")
}

// Between two clones nothing can have come: what one of them cannot read, or has in another file, is judged.
func TestCompare_Clones(t *testing.T) {
	first := Part{users, 0, PartBlocks}
	unread := side(4, 5, 6)
	unread.Digests[first] = Digest{Unread: "XX001"}
	const where = "public.users in database app: blocks 0 to 2047: "
	assert.Equal(t, []string{where + "set A has 4 rows there, set B cannot read them (SQLSTATE XX001)"},
		said(twoClones.Compare(unread, side(4, 5, 6))))
	assert.Equal(t, []string{where + "set B has 4 rows there, set A cannot read them (SQLSTATE XX001)"},
		said(twoClones.Compare(side(4, 5, 6), unread)))
	r := twoClones.Compare(unread, unread)
	assert.Empty(t, r.Differences)
	assert.Len(t, r.LeftOut, 1, "damage that both sets have was on production")

	mapped, other := side(4, 5, 6), side(9, 5, 6)
	o := mapped.Objects[users]
	o.File = 0
	mapped.Objects[users] = o
	other.Digests[first] = Digest{Rows: 9, File: 8}
	assert.Len(t, twoClones.Compare(mapped, other).Differences, 1, "a catalog is not written anew between two clones")
	assert.Equal(t, []string{"public.users in database app: blocks 0 to 2047: 4 rows in set B, 9 in set A"},
		said(twoClones.Compare(side(4, 5, 6), side(9, 5, 6))))
}

// Of clones every column is compared, and nothing is hashed by what the data calls the default.
func TestWhole(t *testing.T) {
	of := Object{Columns: whole([]Column{
		{Name: "a", How: Nested},
		{Name: "b", How: InPlace},
		{Name: "c", How: Labels},
		{Name: "d", How: Number},
		{Name: "e", How: Bytes},
		{Name: "f", How: Label},
		{Name: "g", How: Samples},
	})}
	assert.Equal(t, []Column{
		{Name: "a", How: Text},
		{Name: "b", How: Text},
		{Name: "c", How: Text},
		{Name: "d", How: Number},
		{Name: "e", How: Bytes},
		{Name: "f", How: Text},
		{Name: "g", How: Text},
	}, of.Columns)
	assert.Empty(t, of.NotCompared())
	s := side(1, 2, 3)
	assert.Len(t, s.Askable(), 3)
	s.LeftOut = []LeftOut{{ID: users}}
	assert.Empty(t, s.Askable())
	assert.Len(t, side(1, 2).AlsoIn(side()), 2)
	assert.Empty(t, side(1, 2).AlsoIn(NewSide()))
	assert.Empty(t, side(1, 2).AlsoIn(s), "what is left out there")
}
