package runner

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// Cells of a bar. Half of what a terminal has more than narrow columns goes to it.
const (
	shortestBar = 8
	longestBar  = 30
	narrow      = 34
)

// bar draws how much is done, in so many cells: " 45% |█████      |".
func bar(done, total int64, cells int) string {
	b := progressbar.NewOptions64(total, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(cells),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	if b.Set64(done) != nil || b.String() == "" { // it draws nothing of less than a hundredth
		_ = b.RenderBlank()
	}
	return strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(b.String(), "\r"), " "), " ")
}

// drawn is a course in at most so many cells: what is least needed is left out first.
func (c *course) drawn(cells int) string {
	percent, known := c.percent()
	if !known {
		return c.What + " " + c.counts() + c.speed()
	}
	drawing := bar(c.Done, c.Total, max(shortestBar, min((cells-narrow)/2, longestBar)))
	room := cells - uniseg.StringWidth(drawing) - 2
	for _, text := range []string{
		c.What + " " + c.counts() + c.speed() + c.left(),
		c.counts() + c.speed() + c.left(),
		c.counts() + c.left(),
		c.What + c.left(),
		strings.TrimPrefix(c.left(), ", "),
	} {
		if uniseg.StringWidth(text) <= room && text != "" {
			return drawing + "  " + text
		}
	}
	return fmt.Sprintf("%d%%%s", percent, c.left())
}

// clipped is text in at most so many cells.
func clipped(text string, cells int) string {
	if uniseg.StringWidth(text) <= cells {
		return text
	}
	var fits strings.Builder
	used := 0
	for rest, state := text, -1; rest != ""; {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += width; used > cells-1 {
			break
		}
		fits.WriteString(cluster)
	}
	if cells < 1 {
		return ""
	}
	return fits.String() + "…"
}
