package compare

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

var users = ID{"app", 20000}

// side is one with a table of 3 parts, whose rows are those of the numbers given.
func side(rows ...int64) Side {
	s := NewSide()
	s.Databases = []string{"app"}
	s.Objects[users] = Object{ID: users, Name: "public.users", Blocks: 3 * PartBlocks, File: 7}
	parts := []Part{{users, 0, PartBlocks}, {users, PartBlocks, 2 * PartBlocks}, {users, 2 * PartBlocks, 0}}
	for i, part := range parts {
		if i < len(rows) {
			s.Digests[part] = Digest{Rows: rows[i], Sums: [2]string{"1", "2"}, Bytes: 10, File: 7}
		}
	}
	return s
}

func said(r Result) (list []string) {
	for _, d := range r.Differences {
		list = append(list, d.String())
	}
	return list
}

func TestCompare_TheSame(t *testing.T) {
	r := Compare(side(4, 5, 6), side(4, 5, 6))
	assert.Empty(t, r.Differences)
	assert.Empty(t, r.LeftOut)
	assert.EqualValues(t, 15, r.Rows)
	assert.EqualValues(t, 30, r.Bytes)
	assert.InDelta(t, 1, r.Coverage(), 0)
	assert.Len(t, r.Same, 3)
	assert.Zero(t, r.DifferentRelations())
	assert.Equal(t, 1, r.Relations)
}

func TestCompare_Differences(t *testing.T) {
	second := Part{users, PartBlocks, 2 * PartBlocks}
	for name, c := range map[string]struct {
		change func(clone *Side)
		want   string
	}{
		"a row": {func(s *Side) {
			s.Digests[second] = Digest{Rows: 5, Sums: [2]string{"1", "3"}, File: 7}
		}, "public.users in database app: blocks 2048 to 4095: 5 rows in both, and not the same ones"},
		"rows": {func(s *Side) {
			s.Digests[second] = Digest{Sums: [2]string{"0", "0"}, File: 7}
		}, "public.users in database app: blocks 2048 to 4095: 5 rows in the standby, 0 in the clone"},
		"unread": {
			func(s *Side) { s.Digests[second] = Digest{Unread: "XX001"} },
			"public.users in database app: blocks 2048 to 4095: the standby has 5 rows there, the clone cannot read " +
				"them (SQLSTATE XX001)",
		},
		"missing": {
			func(s *Side) { delete(s.Objects, users) },
			"public.users in database app: is missing in the clone",
		},
		"more": {func(s *Side) {
			s.Objects[ID{"app", 3}] = Object{ID: ID{"app", 3}, Name: "public.more"}
		}, "public.more in database app: is in the clone alone"},
	} {
		clone := side(4, 5, 6)
		c.change(&clone)
		assert.Equal(t, []string{c.want}, said(Compare(side(4, 5, 6), clone)), name)
	}
}

// What is left out is no difference and no pass: it is not counted as compared.
func TestCompare_LeftOut(t *testing.T) {
	clone := side(4, 5, 7)
	clone.LeftOut = []LeftOut{{ID: users, Name: "public.users", Why: "a lock"}}
	r := Compare(side(4, 5, 6), clone)
	assert.Empty(t, r.Differences)
	assert.InDelta(t, 0, r.Coverage(), 0)
	assert.Equal(t, "public.users in database app: a lock", r.LeftOut[0].String())

	r = Compare(side(4, 5, 6), side(4, 5)) // the budget
	assert.EqualValues(t, 1, r.Missing)
	assert.InDelta(t, 2.0/3, r.Coverage(), 0.001)

	dropped := side(4, 5, 6)
	dropped.LeftOut = []LeftOut{{ID: ID{Database: "app"}, Why: "it was dropped"}}
	r = Compare(dropped, side(4, 5, 7))
	assert.Empty(t, r.Differences)
	assert.Empty(t, r.Same)

	clone = NewSide() // a database that cannot be entered
	clone.LeftOut = []LeftOut{{ID: ID{Database: "app"}, Why: "no locale"}}
	r = Compare(side(4, 5, 6), clone)
	assert.Empty(t, r.Differences)
	assert.Equal(t, "database app: no locale", r.LeftOut[0].String())
}

// A database that was made while the standby was being frozen is named.
func TestCompare_DatabaseMadeMeanwhile(t *testing.T) {
	newer := side(4, 5, 6)
	newer.Databases = append(newer.Databases, "new")
	newer.Objects[ID{"new", 1}] = Object{ID: ID{"new", 1}, Name: "public.t"}
	r := Compare(side(4, 5, 6), newer)
	assert.Empty(t, r.Differences)
	assert.Len(t, r.LeftOut, 1)
	assert.Len(t, r.Same, 3)
}

// The standby's own damage and a catalog whose file changed say nothing about the clone.
func TestCompare_WhatSaysNothingOfTheClone(t *testing.T) {
	standby := side(4, 5, 6)
	standby.Digests[Part{users, 0, PartBlocks}] = Digest{Unread: "XX001"}
	r := Compare(standby, side(4, 5, 6))
	assert.Empty(t, r.Differences)
	assert.NotEmpty(t, r.LeftOut)

	standby = side(4)
	o := standby.Objects[users]
	o.File = 0
	standby.Objects[users] = o
	clone := side(9)
	clone.Digests[Part{users, 0, PartBlocks}] = Digest{Rows: 9, File: 8}
	r = Compare(standby, clone)
	assert.Empty(t, r.Differences)
	assert.NotEmpty(t, r.LeftOut)
}

// A primary hands out values before they are in the WAL: its page, as a backup has it, and the standby's page say the
// same in two ways.
func TestCompare_Sequences(t *testing.T) {
	id := ID{"app", 5}
	with := func(q Sequence) Side {
		s := side(1, 1, 1)
		q.Name, q.Every = "public.s", 1
		s.Sequences[id] = q
		return s
	}
	replayed := Sequence{Last: 33, Log: 0, Called: true}
	assert.Empty(t, Compare(with(replayed), with(Sequence{Last: 5, Log: 28, Called: true})).Differences)
	assert.Equal(t, []string{"public.s in database app: the sequence is at 33 in the standby, at 7 in the clone"},
		said(Compare(with(replayed), with(Sequence{Last: 7, Called: true}))))
	assert.Equal(t, []string{
		"public.s in database app: the sequence is at 1, not used yet in the standby, at 1 in the clone",
	},
		said(Compare(with(Sequence{Last: 1}), with(Sequence{Last: 1, Called: true}))))
	assert.Equal(t, []string{"public.s in database app: the clone cannot read the sequence (SQLSTATE XX001)"},
		said(Compare(with(replayed), with(Sequence{Unread: "XX001"}))))
	assert.Len(t, Compare(with(replayed), side(1, 1, 1)).Differences, 1)
	assert.Len(t, Compare(side(1, 1, 1), with(replayed)).Differences, 1)
}

// Large tables come in ranges that leave nothing out, the longest ago compared first.
func TestParts(t *testing.T) {
	empty := ID{"app", 1}
	parts := Parts(map[ID]Object{empty: {}, users: {Blocks: 2*PartBlocks + 1}})
	last := map[string]time.Time{
		Part{users, 0, PartBlocks}.Key():              time.Unix(9, 0),
		Part{users, PartBlocks, 2 * PartBlocks}.Key(): time.Unix(5, 0),
	}
	Order(parts, last)
	assert.Equal(t, []Part{
		{empty, 0, 0}, {users, 2 * PartBlocks, 0}, {users, PartBlocks, 2 * PartBlocks}, {users, 0, PartBlocks},
	}, parts)
	assert.EqualValues(t, 1, parts[1].Blocks(2*PartBlocks+1))
	assert.Len(t, Parts(map[ID]Object{users: {Blocks: PartBlocks}}), 1)
}

func TestKindOf(t *testing.T) {
	answer := func(code, message string) error { return &pgconn.PgError{Code: code, Message: message} }
	loading := func(code, message string) error {
		return &pgconn.PgError{Code: code, Message: message, File: "dfmgr.c"}
	}
	for kind, errs := range map[Kind][]error{
		Session:  {errors.New("EOF"), answer("57P01", ""), &beginError{answer("22023", "")}},
		Conflict: {answer("40001", ""), answer("55P03", "")},
		Changed:  {ErrChanged, answer("42P01", ""), answer("42703", "")},
		Gone:     {answer("57P04", ""), answer("3D000", "")},
		Here: {
			loading("58P01", `could not access file "gone"`), answer("42501", ""), answer("53200", ""),
			loading("42883", `could not find function "x" in file "y"`), answer("54000", ""), answer("22023", ""),
			loading("XX000", `incompatible library "y": version mismatch`),
			answer("XX000", `extension "timescaledb" must be preloaded`),
			answer("XX000", "database locale is incompatible with operating system"),
			answer("58030", ""), answer("XX000", `could not open file "base/5/16384": Structure needs cleaning`),
		},
		Damage: {
			answer("XX001", ""), answer("XX000", "missing chunk"), answer("58P01", "could not open file"),
			answer("22008", "timestamp out of range"),
		},
	} {
		for _, err := range errs {
			assert.Equal(t, kind, KindOf(err), "%v", err)
		}
	}
	assert.True(t, tooLarge(answer("XX000", "invalid memory alloc request size 1234567890")))
	assert.False(t, tooLarge(answer("XX000", "missing chunk number 0")))
	assert.False(t, tooLarge(errors.New("EOF")))
}

// The text of a row is made of its columns: a cast of the data's row type to text would run the data's code.
func TestObject_Row(t *testing.T) {
	o := Object{Columns: []Column{
		{Name: "a", How: Text},
		{Name: "b", How: Number},
		{Name: "c", How: InPlace},
		{Name: "d", How: Nested},
		{Name: "e", How: Bytes},
		{Name: "f", How: Label, Enum: "public.mood"},
	}}
	assert.Equal(t, "ROW(t.a, t.b::pg_catalog.oid, t.e, pg_catalog.hashenumextended(t.f::public.mood, 0))"+
		"::pg_catalog.text", o.row())
	assert.Equal(t, []string{"d"}, o.NotCompared())
	apart := o.byColumns(Part{}, Seeds{1, 2})
	assert.Contains(t, apart, "pg_catalog.format('%s', t.a)")
	assert.Contains(t, apart, "pg_catalog.format('%s', t.b::pg_catalog.oid)")
	for _, column := range []string{"t.a", "t.b::pg_catalog.oid", "t.a)", "t.b::pg_catalog.oid)"} {
		assert.NotContains(t, apart, column+"::pg_catalog.text", "a cast of the data's type to text would run as well")
	}
	seeds := NewSeeds()
	assert.NotEqual(t, seeds, NewSeeds())
}

// What is listed at the position counts: a sequence that was made, dropped, renamed or changed since it was listed
// before says nothing, and is named.
func TestSide_Settle(t *testing.T) {
	id := func(n uint32) ID { return ID{"app", n} }
	s := NewSide()
	s.Settle(
		map[ID]Sequence{
			id(1): {Name: "a", Every: 1}, id(2): {Name: "new", Every: 1}, id(3): {Name: "c", Every: 2},
			id(4): {Name: "d", Every: 1}, id(5): {Name: "locked", Every: 1},
		},
		map[ID]Sequence{
			id(1): {Name: "a", Every: 1, Last: 7}, id(3): {Name: "c", Every: 1}, id(4): {Name: "before", Every: 1},
			id(9): {Name: "dropped", Every: 1},
		},
		map[ID]error{id(5): &pgconn.PgError{Code: "55P03"}},
	)
	assert.Equal(t, map[ID]Sequence{id(1): {Name: "a", Every: 1, Last: 7}}, s.Sequences)
	assert.Len(t, s.LeftOut, 4)
}

// What is read faster than the limit is paid for by waiting; what was not used is no credit.
func TestPace(t *testing.T) {
	now := time.Unix(1000, 0)
	p := &Pace{PerSecond: 100}
	assert.Equal(t, 2*time.Second, p.owe(now, 200))
	assert.Equal(t, 2*time.Second, p.owe(now.Add(time.Second), 100), "after what is owed")
	assert.Equal(t, time.Second, p.owe(now.Add(time.Hour), 100))
	assert.Zero(t, (&Pace{}).owe(now, 1<<40))
	p.Wait(t.Context(), 0)
}
