package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// bench is one run.
type bench struct {
	Options
	cache  cache
	result Result
	guess  estimate
	begun  int // measurements
	plan   []Recipe
}

// Run measures all rows of all sources, and returns what it measured also when ctx ended before;
// then nothing of it is left but whole sources in the cache.
func Run(ctx context.Context, o Options) (*Result, error) {
	b := &bench{Options: o}
	b.guess = estimate{&b.result, o.Before}
	kept, unlock, err := openCache(o.Cache)
	if unlock != nil {
		defer unlock()
	}
	if err != nil {
		return nil, err
	}
	b.cache = kept
	found, err := findVersions(ctx, o.Provider)
	if err != nil {
		return nil, err
	}
	b.result = Result{
		Schema: schema, Began: time.Now(), Build: o.Build, Rounds: o.Rounds, Machine: machine(found),
	}
	if err = b.choose(o.recipes(found)); err != nil {
		return nil, err
	}
	b.say("%s, load %.1f", b.result.Machine, b.result.Machine.Load)
	b.say("%d measurements, %s: about %s, until %s", b.all(), rounds(o.Rounds), about(b.left(b.plan, nil)),
		time.Now().Add(b.left(b.plan, nil)).Format("15:04"))
	for i, recipe := range b.plan {
		if err = b.source(ctx, recipe, b.plan[i+1:]); err != nil {
			break
		}
	}
	b.result.Ended = time.Now()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &b.result, err
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.Lines, format+"\n", args...) }

// all is how many measurements the plan has.
func (b *bench) all() (n int) {
	for _, recipe := range b.plan {
		n += len(rowsOf(recipe, b.Delays)) * b.Rounds
	}
	return n
}

// choose leaves out what the disk has no room for, and says so.
func (b *bench) choose(recipes []Recipe) error {
	here, err := free(b.Scratch)
	if err != nil {
		return err
	}
	for _, recipe := range recipes {
		toMake, needed := recipe.room()
		_, there, err := b.cache.find(recipe)
		if err != nil {
			return err
		}
		if !there {
			needed = max(needed, toMake)
		}
		if here < needed {
			why := fmt.Sprintf("the database of %s: it takes %.0f GB of %s, where %.0f GB are free",
				recipe, float64(needed)/gigabyte, b.Scratch, float64(here)/gigabyte)
			b.result.LeftOut = append(b.result.LeftOut, why)
			b.say("left out: %s", why)
			continue
		}
		b.plan = append(b.plan, recipe)
	}
	if len(b.plan) == 0 {
		return errors.New("nothing to measure")
	}
	return nil
}

// left is about how long the rest takes: rows of the source at work, and whole sources after it.
func (b *bench) left(recipes []Recipe, rest []Row) (sum time.Duration) {
	for _, row := range rest {
		sum += b.guess.row(row, b.result.Sources[len(b.result.Sources)-1])
	}
	for _, recipe := range recipes {
		s, there, err := b.cache.find(recipe)
		if err != nil || !there {
			s = expected(recipe)
			sum += makingTime(recipe)
		}
		for _, row := range rowsOf(recipe, b.Delays) {
			sum += time.Duration(b.Rounds) * b.guess.row(row, s)
		}
	}
	return sum
}

// source makes or finds a source, and measures its rows.
func (b *bench) source(ctx context.Context, recipe Recipe, others []Recipe) (err error) {
	s, there, err := b.cache.find(recipe)
	if err == nil && !there {
		b.say("source %s is made, once: about %s", recipe.Name, about(makingTime(recipe)))
		began := time.Now()
		s, err = b.cache.made(ctx, b.Provider, recipe, func(format string, args ...any) {
			b.say("  %4.0f s  "+format, append([]any{time.Since(began).Seconds()}, args...)...)
		})
	}
	if err != nil {
		return fmt.Errorf("source %s: %w", recipe.Name, err)
	}
	b.result.Sources = append(b.result.Sources, s)
	b.say("source %s: %.2f GB, %d segments of WAL; %.2f GB in the repository", s.Name,
		float64(s.DatabaseBytes)/gigabyte, s.Replayed, float64(s.RepositoryBytes)/gigabyte)
	site, err := serve(ctx, b.Provider, s)
	defer func() { err = errors.Join(err, site.Close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	rows := rowsOf(recipe, b.Delays)
	var rest []Row
	for round := range b.Rounds {
		rest = append(rest, inTurn(rows, round+1)...)
	}
	for i, row := range rest {
		if err = b.measure(ctx, site, row, i/len(rows)+1, b.left(others, rest[i:])); err != nil {
			return fmt.Errorf("%s: %w", row, err)
		}
	}
	return nil
}

// measure measures one row once.
func (b *bench) measure(ctx context.Context, site *Site, row Row, round int, left time.Duration) (err error) {
	b.begun++
	fmt.Fprintf(b.Lines, "[%2d/%d] round %d/%d  %-67s about %3.0f s of %6s ... ", b.begun, b.all(), round, b.Rounds,
		row, b.guess.row(row, site.Source).Seconds(), about(left))
	began, before := time.Now(), load()
	var m Measurement
	if row.Drill {
		m, err = programs(b.Programs).drill(ctx, site, row, b.Scratch)
	} else {
		m, err = rawCommands(ctx, b.Provider, site, row)
	}
	if err != nil {
		b.say("failed")
		return err
	}
	m.At, m.Load, m.Round = began, before, round
	b.result.add(row, m)
	b.say("%.1f s: restore %.1f, start to first query %.1f, load %.1f", m.Seconds, m.Restore, m.Replay, m.Load)
	return nil
}
