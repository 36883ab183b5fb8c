package compare

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What differed stays different until a comparison has looked at it, or it is gone.
func TestUnrefuted(t *testing.T) {
	second := Part{users, PartBlocks, 2 * PartBlocks}
	counter := ID{"app", 30000}
	table, sequence := second.Key(), Part{ID: counter}.Key()
	shared, database := Part{ID: ID{OID: 1262}}.Key(), Part{ID: ID{Database: "a/b"}}.Key()
	listed := func(rows ...int64) Side {
		s := side(rows...)
		s.Blocks = map[string]int64{"app": 9, "a/b": 9}
		s.Databases = append(s.Databases, "a/b")
		s.Sequences[counter] = Sequence{Name: "public.counter", Last: 7}
		s.Objects[ID{OID: 1262}] = Object{ID: ID{OID: 1262}, Name: "pg_catalog.pg_database"}
		s.Digests[Part{ID: ID{OID: 1262}}] = Digest{Rows: 1}
		return s
	}
	known := map[string]time.Time{}
	for _, key := range []string{
		table, sequence, shared, database, "app/40000/0", "gone/1/0", "no key", "app/1/-4096",
	} {
		known[key] = time.Now()
	}
	without := func(left ...LeftOut) func(*Side) { return func(s *Side) { s.LeftOut = left } }
	for name, c := range map[string]struct {
		change func(standby *Side)
		want   []string
	}{
		"all was looked at":    {func(*Side) {}, nil},
		"a lock":               {without(LeftOut{ID: users}), []string{table}},
		"the budget":           {func(s *Side) { delete(s.Digests, second) }, []string{table}},
		"another range is not": {func(s *Side) { delete(s.Digests, Part{ID: users, End: PartBlocks}) }, nil},
		"dropped":              {func(s *Side) { delete(s.Objects, users) }, nil},
		"shorter": {func(s *Side) {
			s.Objects[users] = Object{ID: users, Blocks: 3}
			s.Digests[Part{ID: users}] = Digest{Rows: 1}
		}, nil},
		"a sequence":     {without(LeftOut{ID: counter}), []string{sequence}},
		"what is shared": {without(LeftOut{ID: ID{OID: 1262}}), []string{shared}},
		"a database": {without(LeftOut{ID: ID{Database: "app"}}), []string{
			table, sequence, "app/40000/0",
		}},
		"the login is kept out": {func(s *Side) {
			s.Databases = []string{"app"}
			s.LeftOut = []LeftOut{{ID: ID{Database: "a/b"}}}
		}, []string{database}},
	} {
		standby, clone := listed(4, 5, 6), listed(4, 5, 6)
		c.change(&standby)
		if name == "dropped" || name == "shorter" {
			clone.Objects, clone.Digests = standby.Objects, standby.Digests
		}
		r := Compare(standby, clone)
		assert.Empty(t, r.Differences, name)
		var keys []string
		for _, part := range r.Unrefuted(known) {
			keys = append(keys, part.Key())
		}
		assert.ElementsMatch(t, c.want, keys, name)
	}
}

// All there is was compared where nothing but a database that takes no connections was left out; a column may be.
func TestResult_Whole(t *testing.T) {
	closed := []LeftOut{{ID: ID{Database: "template0"}}}
	for name, c := range map[string]struct {
		change func(standby *Side)
		want   bool
	}{
		"all":      {func(*Side) {}, true},
		"a column": {func(s *Side) { s.Objects[users] = columned(s.Objects[users]) }, true},
		"a range":  {func(s *Side) { delete(s.Digests, Part{ID: users, End: PartBlocks}) }, false},
		"a table":  {func(s *Side) { s.LeftOut = append(s.LeftOut, LeftOut{ID: users}) }, false},
		"a sequence": {func(s *Side) {
			s.LeftOut = append(s.LeftOut, LeftOut{ID: ID{"app", 30000}, Name: "public.counter"})
		}, false},
		"a database": {func(s *Side) {
			s.LeftOut = append(s.LeftOut, LeftOut{ID: ID{Database: "large"}, Why: "the standby does not let us in"})
		}, false},
	} {
		standby := side(4, 5, 6)
		standby.Closed, standby.LeftOut = closed, closed
		c.change(&standby)
		assert.Equal(t, c.want, Compare(standby, side(4, 5, 6)).Whole(), name)
	}
	assert.True(t, Compare(side(4, 5, 6), side(4, 5, 7)).Whole(), "what differs was looked at")
}

// columned has a column that is not compared.
func columned(o Object) Object {
	o.Columns = append(o.Columns, Column{Name: "names", How: Nested})
	return o
}

func TestUnlike(t *testing.T) {
	standby, clone := side(4, 5, 6), side(4, 5, 7)
	more := ID{"app", 30000}
	standby.Objects[more] = Object{ID: more, Name: "public.more"}
	assert.ElementsMatch(t, []Part{{users, 2 * PartBlocks, 0}, {ID: more}}, Compare(standby, clone).Unlike())
}

func TestNameOf(t *testing.T) {
	s := side()
	assert.Equal(t, "public.users in database app", s.NameOf(users))
	assert.Equal(t, "OID 9 in database app", s.NameOf(ID{"app", 9}))
	assert.Equal(t, "database app", s.NameOf(ID{Database: "app"}))
}
