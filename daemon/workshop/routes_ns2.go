package workshop

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// operations documents the game-client face.
func (f *ns2) operations() []*huma.Operation {
	paths := []string{"/m{item}_{version}.zip"}
	if f.mount != "" {
		paths = append(paths, f.mount+paths[0])
	}
	var ops []*huma.Operation
	for i, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			ops = append(ops, &huma.Operation{
				OperationID: "ns2-" + method + "-" + strconv.Itoa(i), Method: method, Path: path, Tags: []string{"game clients"},
				Summary: "Download a mod as Natural Selection 2 does",
				Description: "`item` is the Workshop id in hexadecimal, `version` its time_updated in Unix seconds. Any number of " +
					"leading slashes is accepted and nothing is ever redirected. 202 means: come back in a few seconds. With " +
					"`Cache-Control: only-if-cached` nothing is fetched, and 504 says that the version is not here. The reason " +
					"stands in the body, in X-Reason and, where the connection closes, in the status line.",
				Responses: map[string]*huma.Response{
					"200": zipResponse("The zip. Its content never changes."),
					"206": zipResponse("The parts asked for (RFC 9110 §14)."),
					"202": {Description: "Found mod folder, zipping it up now; or: Downloading"},
					"304": {Description: "Not modified"},
					"403": {Description: "Denied - not serving that mod; or: Denied - wrong app_id"},
					"404": {Description: "Request not on the correct format; Denied - no such mod; Denied - old version and not " +
						"backed up; Denied - could not be fetched; Denied - no source can supply this item; or: File not found"},
					"416": {Description: "The range lies outside of the file"},
					"429": {Description: "Too many requests for mods that are not here"},
					"504": {Description: "Not stored here (only-if-cached)"},
				},
			})
		}
	}
	return ops
}

func zipResponse(text string) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
		"application/zip": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
}
