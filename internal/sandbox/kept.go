package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// RemoveCommand is what to type to remove a kept sandbox before its time.
func RemoveCommand(box Sandbox) string {
	var variables []string
	if findable, ok := box.(Findable); ok {
		variables = findable.Variables()
	}
	return removeCommand(variables, "testprom", box.Name())
}

func removeCommand(variables []string, call string, names ...string) string {
	return strings.Join(slices.Concat(variables, []string{call, "-reap", "-kept"}, names), " ")
}

// TellKept lists what -keep left with these providers and how to remove it, or removes it: what is
// named, else all. A name that is not there is an error. What cannot be asked or removed is
// in the error, and keeps nothing else from being done. call is what testprom is called by here.
func TellKept(
	ctx context.Context, out io.Writer, from []Provider, call string, remove bool, names []string,
) error {
	var list []Kept
	var all error
	for _, provider := range from {
		kept, err := provider.Kept(ctx)
		list, all = append(list, kept...), errors.Join(all, err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(k Kept) bool { return k.Name == name }) {
			all = errors.Join(all, fmt.Errorf("no sandbox %q is kept here: %s -reap lists those that are", name, call))
		}
	}
	var told, variables []string
	for _, k := range list {
		until := k.Until.UTC().Format(time.RFC3339)
		switch {
		case !remove:
			_, _ = fmt.Fprintf(out, "kept %s, of stanza %s, until %s\n", k.Name, k.Stanza, until)
			told = append(told, k.Name)
			for _, v := range k.Variables {
				if !slices.Contains(variables, v) {
					variables = append(variables, v)
				}
			}
		case len(names) > 0 && !slices.Contains(names, k.Name):
		default:
			if err := k.Remove(ctx); err != nil {
				all = errors.Join(all, err)
				continue
			}
			_, _ = fmt.Fprintf(out, "removed %s, which was kept until %s\n", k.Name, until)
			told = append(told, k.Name)
		}
	}
	switch {
	case len(told) > 0 && !remove:
		_, _ = fmt.Fprintf(out, "remove before that: %s\n", removeCommand(variables, call, told...))
	case len(told) == 0 && remove && all == nil:
		_, _ = fmt.Fprintln(out, "nothing is kept")
	}
	return all
}
