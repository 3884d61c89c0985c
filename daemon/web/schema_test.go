package web

import (
	"reflect"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

func TestSchemaNames(t *testing.T) {
	for want, typ := range map[string]reflect.Type{
		"Problem":    reflect.TypeFor[Problem](),
		"ConfigHTTP": reflect.TypeFor[config.HTTP](),
	} {
		if got := schemaName(typ, ""); got != want {
			t.Errorf("%v is called %q, want %q", typ, got, want)
		}
	}
}
