package web

import (
	"net/http"
	"testing"
)

func TestNoneMatch(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, `"a"`: true, `W/"a"`: true, `"b", "a"`: true, `"b",W/"a"`: true, "*": true, `"b"`: false, "a": false,
	} {
		if got := NoneMatch(header, `"a"`); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestTag(t *testing.T) {
	one, err := Tag(Known{}, []int{1})
	if err != nil || one.Status != http.StatusOK || len(one.ETag) != 34 {
		t.Fatalf("%+v, %v", one, err)
	}
	if again, _ := Tag(Known{IfNoneMatch: one.ETag}, []int{1}); again.Status != http.StatusNotModified {
		t.Errorf("the same body: %d", again.Status)
	}
	if other, _ := Tag(Known{IfNoneMatch: one.ETag}, []int{2}); other.Status != http.StatusOK {
		t.Errorf("another body: %d", other.Status)
	}
	if _, err := Tag(Known{}, func() {}); err == nil {
		t.Error("a body that is no JSON has a tag")
	}
}
