package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The size of a chart, in the units of its drawing.
const (
	width, height            = 720.0, 220.0
	left, right, top, bottom = 70.0, 12.0, 10.0, 28.0
	ticks                    = 5
	least, most              = 1e-6, 1e18 // that an axis ends with
)

// Chart is a drawing over time, and what a screen reader says of it.
type Chart struct {
	ID, Title, Label string
	Paths            []Path
	Dots             []Dot
	X, Y             []Tick
	Hits             []Hit
	Legend           []Key
	Empty            string // why there is nothing to draw; "" where there is
}

// Path is an area or a line.
type Path struct{ Class, D string }

// Dot is a single measurement.
type Dot struct {
	Class string
	X, Y  float64
}

// Tick is a line of the grid with its text, and where that is anchored.
type Tick struct {
	At     float64
	Text   string
	Anchor string
}

// Hit is where a pointer finds a text.
type Hit struct {
	X, Y, W, H float64
	Text       string
}

// Key is an entry of a legend.
type Key struct{ Class, Name string }

// series are values over time.
type series struct {
	name, class string
	points      []point
}

type point struct {
	at    time.Time
	value float64
}

// plan is what is drawn in one chart.
type plan struct {
	title   string
	unit    unit
	stacked []series // areas, one on the other; all have the same times
	lines   []series // dashed where the class says so
	dots    []series
	empty   string
}

// unit writes values, and says which steps read well.
type unit struct {
	text  func(float64) string
	steps []float64 // "" is 1, 2 and 5 times powers of ten
}

func (p plan) all() []series { return slices.Concat(p.stacked, p.lines, p.dots) }

// draw makes the chart. id is unique on the page.
func (p plan) draw(id string) Chart {
	c := Chart{ID: id, Title: p.title, Empty: p.empty}
	measured := 0
	for _, s := range p.all() {
		measured += len(s.points)
	}
	if measured == 0 {
		if c.Empty == "" {
			c.Empty = "Nothing was measured yet."
		}
		return c
	}
	c.Empty = ""
	a := p.axes()
	c.X, c.Y = a.timeTicks(), a.valueTicks(p.unit)
	below := make([]float64, 0)
	for _, s := range p.stacked {
		if len(below) == 0 {
			below = make([]float64, len(s.points))
		}
		c.Paths = append(c.Paths, Path{"area " + s.class, a.area(s.points, below)})
		c.Legend = append(c.Legend, Key{s.class, s.name})
		for i, point := range s.points {
			below[i] += point.value
		}
		if len(s.points) == 1 { // an area without a width
			c.Dots = append(c.Dots, Dot{s.class, a.x(s.points[0].at), a.y(below[0])})
		}
	}
	for _, s := range p.dots {
		for _, point := range s.points {
			c.Dots = append(c.Dots, Dot{s.class, a.x(point.at), a.y(point.value)})
		}
		if len(s.points) > 0 {
			c.Legend = append(c.Legend, Key{s.class, s.name})
		}
	}
	for _, s := range p.lines {
		if len(s.points) == 0 {
			continue
		}
		c.Legend = append(c.Legend, Key{s.class, s.name})
		c.Paths = append(c.Paths, Path{"line " + s.class, a.line(s.points)})
		if len(s.points) == 1 {
			c.Dots = append(c.Dots, Dot{s.class, a.x(s.points[0].at), a.y(s.points[0].value)})
		}
	}
	c.Hits = p.hits(a)
	c.Label = p.describe()
	return c
}

// describe is the chart in a sentence: of each series the newest value, the least and the most.
func (p plan) describe() string {
	parts := []string{p.title}
	for _, s := range p.all() {
		if len(s.points) == 0 {
			continue
		}
		low, high := math.Inf(1), math.Inf(-1)
		for _, point := range s.points {
			low, high = min(low, point.value), max(high, point.value)
		}
		last := s.points[len(s.points)-1].value
		parts = append(parts, fmt.Sprintf("%s: newest %s, between %s and %s", s.name, p.unit.text(last),
			p.unit.text(low), p.unit.text(high)))
	}
	return strings.Join(parts, ". ")
}

// hits are a column for each time something was measured at.
func (p plan) hits(a axes) (list []Hit) {
	said := map[int64][]string{}
	var order []time.Time
	for _, s := range p.all() {
		for _, point := range s.points {
			key := point.at.Unix()
			if said[key] == nil {
				order = append(order, point.at)
			}
			said[key] = append(said[key], s.name+" "+p.unit.text(point.value))
		}
	}
	for _, at := range order {
		list = append(list, Hit{
			X: round(max(left, a.x(at)-3)), Y: top, W: 6, H: height - top - bottom,
			Text: at.UTC().Format("2006-01-02 15:04") + ": " + strings.Join(said[at.Unix()], ", "),
		})
	}
	return list
}

// axes turn times and values into places.
type axes struct {
	begin, end time.Time
	most       float64
}

func (p plan) axes() axes {
	a := axes{}
	total := map[int64]float64{}
	see := func(point point, value float64) {
		if a.begin.IsZero() || point.at.Before(a.begin) {
			a.begin = point.at
		}
		if point.at.After(a.end) {
			a.end = point.at
		}
		a.most = max(a.most, value)
	}
	for _, s := range p.stacked {
		for _, point := range s.points {
			total[point.at.UnixNano()] += point.value
			see(point, total[point.at.UnixNano()])
		}
	}
	for _, s := range slices.Concat(p.lines, p.dots) {
		for _, point := range s.points {
			see(point, point.value)
		}
	}
	if a.most <= 0 {
		a.most = 1
	}
	a.most = min(max(a.most, least), most) // whoever wrote the evidence may have written anything
	if !a.end.After(a.begin) {
		a.begin, a.end = a.begin.Add(-12*time.Hour), a.end.Add(12*time.Hour)
	}
	a.most *= 1.05
	return a
}

func (a axes) x(at time.Time) float64 {
	return round(left + (width-left-right)*float64(at.Sub(a.begin))/float64(a.end.Sub(a.begin)))
}

func (a axes) y(value float64) float64 {
	return round(height - bottom - (height-top-bottom)*min(max(value, 0), a.most)/a.most)
}

func (a axes) line(points []point) string {
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%c%g %g", "ML"[min(i, 1)], a.x(p.at), a.y(p.value))
	}
	return d.String()
}

// area is what lies between the values below and these on top of them.
func (a axes) area(points []point, below []float64) string {
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%c%g %g", "ML"[min(i, 1)], a.x(p.at), a.y(below[i]+p.value))
	}
	for i := len(points) - 1; i >= 0; i-- {
		fmt.Fprintf(&d, "L%g %g", a.x(points[i].at), a.y(below[i]))
	}
	return d.String() + "Z"
}

func (a axes) timeTicks() (list []Tick) {
	format := "2006-01-02"
	if a.end.Sub(a.begin) < 3*24*time.Hour {
		format = "01-02 15:04"
	}
	for i := range ticks {
		at := a.begin.Add(a.end.Sub(a.begin) / (ticks - 1) * time.Duration(i))
		anchor := "middle"
		if i == ticks-1 {
			anchor = "end"
		}
		list = append(list, Tick{a.x(at), at.UTC().Format(format), anchor})
	}
	return list
}

func (a axes) valueTicks(u unit) (list []Tick) {
	step := math.Pow(10, math.Floor(math.Log10(a.most)))
	for _, nice := range []float64{step / 5, step / 2, step, step * 2} {
		if step = nice; a.most/nice <= ticks {
			break
		}
	}
	for _, nice := range u.steps {
		if a.most/nice <= ticks && len(u.steps) > 0 {
			step = nice
			break
		}
	}
	for value := 0.0; value <= a.most; value += step {
		list = append(list, Tick{a.y(value), u.text(value), "end"})
	}
	return list
}

func round(v float64) float64 { return math.Round(v*10) / 10 }
