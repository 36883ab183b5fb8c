package incus

import "context"

// Install is not written yet.
func (s *Sandbox) Install(context.Context, []string) error { return nil }
