package broken

import "testing"

func TestDrill(t *testing.T) { undefined() }
