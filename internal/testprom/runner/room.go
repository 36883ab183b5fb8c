package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"veza.fr/recovery/internal/suite"
)

// columns are those of the terminal; 80 where it does not say.
func (r *run) columns() int {
	if r.Columns != nil {
		if columns := r.Columns(); columns > 0 {
			return columns
		}
	}
	return 80
}

// besideText is what a row takes of its first line besides its text: margin, name and a space.
func (r *run) besideText() int { return 2 + r.nameWidth() + 1 }

// height is how many lines of the terminal rows take; in a log each is one.
func (r *run) height(rows ...row) (lines int) {
	for _, row := range rows {
		lines++
		if r.live.brief {
			lines += max(r.besideText()+uniseg.StringWidth(printable(row.text))-1, 0) / r.columns()
		}
	}
	return lines
}

// fitting are the last rows that there is room for, and the room that is left. One line says how many
// there are more, and where.
func (r *run) fitting(rows []row, room int, where string) ([]row, int) {
	if taken := r.height(rows...); taken <= room {
		return rows, room - taken
	}
	more := 0
	for more < len(rows) && r.height(rows[more:]...) > room-1 {
		more++
	}
	return append([]row{{rows[0].name, fmt.Sprintf("%d more: %s", more, where)}}, rows[more:]...), 0
}

// warningLines is how many lines of a terminal the warnings take at most.
const warningLines = 4

// fewWarnings leaves the warnings among rows that there is room for. All of them are in the report.
func (r *run) fewWarnings(rows []row, where string) []row {
	warnings, others := []row(nil), []row(nil)
	for _, row := range rows {
		if row.name == warned {
			warnings = append(warnings, row)
		} else {
			others = append(others, row)
		}
	}
	warnings, _ = r.fitting(warnings, warningLines, where)
	return slices.Concat(warnings, others)
}

// measuredLines is how many lines of a terminal the measurements take at most.
const measuredLines = 2

// brief are the measurements in a few words, for a terminal as many as fit: RTO and RPO are the last to go. How many
// were left out is the last word.
func (r *run) brief(values []suite.Value) string {
	var texts []string
	var needed []bool
	for _, v := range values {
		if text := briefValue(v); text != "" {
			texts = append(texts, text)
			needed = append(needed, strings.HasPrefix(v.Name, "rto") || strings.HasPrefix(v.Name, "rpo"))
		}
	}
	all := strings.Join(texts, ", ")
	cut := 0
	for r.live.brief && len(texts) > 1 && r.height(row{text: all}) > measuredLines {
		last := len(texts) - 1
		for i := last; i >= 0; i-- {
			if !needed[i] {
				last = i
				break
			}
		}
		texts, needed = slices.Delete(texts, last, last+1), slices.Delete(needed, last, last+1)
		cut++
		all = fmt.Sprintf("%s, and %d more", strings.Join(texts, ", "), cut)
	}
	return all
}
