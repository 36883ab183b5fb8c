package runner

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// Cells of a bar.
const (
	shortestBar = 8
	longestBar  = 30
)

// bar draws how much is done: " 45% |█████      |", in so many cells between the bounds.
func bar(done, total int64, cells int) string {
	b := progressbar.NewOptions64(total, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(cells),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	if b.Set64(done) != nil || done == 0 { // nothing is drawn of nothing
		_ = b.RenderBlank()
	}
	return strings.TrimSpace(strings.Trim(b.String(), "\r"))
}

// drawn is a course in at most so many cells: what is least needed is left out first.
func (c *course) drawn(cells int) string {
	percent, known := c.percent()
	if !known {
		return c.What + " " + c.counts() + c.speed()
	}
	frame := uniseg.StringWidth(bar(c.Done, c.Total, 1)) - 1 // beside the cells of the bar itself
	for _, text := range []string{
		c.What + " " + c.counts() + c.speed() + c.left(),
		c.counts() + c.speed() + c.left(),
		strings.TrimPrefix(c.speed()+c.left(), ", "),
		strings.TrimPrefix(c.left(), ", "),
	} {
		if room := cells - frame - 2 - uniseg.StringWidth(text); room >= shortestBar {
			return bar(c.Done, c.Total, min(room, longestBar)) + "  " + text
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
