package verify

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/settings"
)

// -deep takes exactly the names of the checks there are, in the order they run.
func TestDeepChecks_AreThoseTheSettingsName(t *testing.T) {
	var names []string
	for _, check := range deepChecks {
		names = append(names, check.name)
		assert.NotEmpty(t, check.proof, check.name)
		assert.NotNil(t, check.run, check.name)
	}
	assert.Equal(t, settings.DeepChecks, names)
}
