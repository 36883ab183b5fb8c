package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/harness/lab"
)

// Flags stand before or after the name, LAB_ROWS is their default, and what cannot be meant is refused.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		args    []string
		env     string
		pg      string
		name    string
		dir     string
		rows    int
		major   lab.Major // 0: production's
		refused string
	}{
		{args: []string{"up"}, name: "up", rows: lab.DefaultRows},
		{args: []string{"up", "-rows", "5"}, name: "up", rows: 5},
		{args: []string{"-rows=7", "up"}, name: "up", rows: 7},
		{args: []string{"up"}, env: "9", name: "up", rows: 9},
		{args: []string{"up", "-rows", "5"}, env: "9", name: "up", rows: 5},
		{args: []string{"down"}, name: "down", rows: lab.DefaultRows},
		{args: []string{"status"}, name: "status", rows: lab.DefaultRows},
		{args: []string{"inventory", "out/lab"}, name: "inventory", dir: "out/lab", rows: lab.DefaultRows},
		{args: []string{"up"}, pg: "17", name: "up", rows: lab.DefaultRows, major: 17},
		{args: []string{"up", "-major", "18"}, pg: "17", name: "up", rows: lab.DefaultRows, major: 18},
		{args: []string{"majors"}, name: "majors", rows: lab.DefaultRows},
		{args: []string{"up"}, pg: "trixie", refused: "PG_MAJOR"},
		{args: []string{"up", "-major=-1"}, refused: "-major -1"},
		{args: []string{"inventory"}, refused: "a directory"},
		{args: []string{"inventory", "a", "b"}, refused: "up, down, status, conf"},
		{args: []string{"up"}, env: "many", refused: "LAB_ROWS"},
		{args: []string{"up", "-rows", "0"}, refused: "-rows 0"},
		{args: []string{"up", "down"}, refused: "up, down, status, conf"},
		{args: []string{"restart"}, refused: "up, down, status, conf"},
		{args: nil, refused: "up, down, status, conf"},
		{args: []string{"up", "-cows"}, refused: "-cows"},
	} {
		t.Run(fmt.Sprint(c.env, c.pg, c.args), func(t *testing.T) {
			t.Setenv("PG_MAJOR", c.pg)
			t.Setenv("LAB_ROWS", c.env)
			o, err := parse(c.args, io.Discard)
			if c.refused != "" {
				assert.ErrorContains(t, err, c.refused)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, c.name, o.name)
			assert.Equal(t, c.rows, o.rows)
			assert.Equal(t, c.dir, o.dir)
			assert.Equal(t, cmp.Or(c.major, lab.DefaultMajor), o.major)
		})
	}
	_, err := parse([]string{"-h"}, io.Discard)
	assert.ErrorIs(t, err, flag.ErrHelp)
}
