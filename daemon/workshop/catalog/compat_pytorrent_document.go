package catalog

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// address is a row of the documentation of the face.
type address struct {
	path, summary, text string
	params              []*huma.Param
	errors              map[string]string
}

func query(name, kind, text string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: text, Schema: &huma.Schema{Type: kind}}
}

func inPath(name, text string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: text, Schema: &huma.Schema{Type: "string"}}
}

// faceOperations documents the face. The first row names it in the metrics.
func faceOperations() (ops []*huma.Operation) {
	for _, a := range slices.Concat(listAddresses(), cardAddresses(), downloadAddresses(), statisticsAddresses()) {
		id := "pytorrent-" + strings.Trim(strings.NewReplacer("/", "-", "{", "", "}", "", "_", "-").Replace(a.path), "-")
		op := &huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: a.path, Tags: []string{"catalogue clients"}, Summary: a.summary, Description: a.text,
			Parameters: a.params,
			Responses: map[string]*huma.Response{
				"200": jsonResponse("The answer"), "422": jsonResponse("A parameter cannot be read"), "429": jsonResponse("Too many requests"),
			},
		}
		for status, text := range a.errors {
			op.Responses[status] = jsonResponse(text)
		}
		ops = append(ops, op)
	}
	return ops
}

func jsonResponse(text string) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{typeJSON: {Schema: &huma.Schema{}}}}
}

func pages(more ...*huma.Param) []*huma.Param {
	return append([]*huma.Param{
		query("page_size", "integer", "1 to 50; default 10"), query("page", "integer", "From 0 on"),
	}, more...)
}

func listAddresses() []address {
	const tooMuch, list = "413", "Wrong size of the page, or more than 30 elements in all filters"
	errors := map[string]string{tooMuch: list}
	return []address{
		{"/list/mods/", "List mods", "Lists are JSON arrays as text: `games=[294100]`.", pages(
			query("sort", "string", "NAME, SIZE, DATE_CREATION, DATE_UPDATE, DATE_REQUEST, SOURCE, DOWNLOADS; an i before it reverses"),
			query("tags", "string", "Ids; a mod has all of them"), query("games", "string", "Ids; any of them"),
			query("primary_sources", "string", "Any of them"), query("name", "string", "Part of the name, in any case"),
			query("dependencies", "boolean", "Also mods that need others"), query("independents", "boolean", "Only mods that need no other; goes over dependencies"),
			query("allowed_ids", "string", "At most 50 ids; any of them"), query("short_description", "boolean", "Add the beginning as plain text"),
			query("description", "boolean", "false: leave out"), query("dates", "boolean", "false: leave out"), query("general", "boolean", "false: leave out"),
		), errors},
		{"/list/games/", "List games", "", pages(
			query("sort", "string", "NAME, TYPE, CREATION_DATE, MODS_DOWNLOADS, MODS_COUNT, SOURCE; an i before it reverses"),
			query("type_app", "string", "Any of them"), query("genres", "string", "Ids; a game has all of them"),
			query("primary_sources", "string", "Any of them"), query("name", "string", "Part of the name, in any case"),
			query("statistics", "boolean", "false: leave out"),
		), errors},
		{"/list/tags/{game_id}", "Tags of the mods of a game", "", pages(inPath("game_id", "Steam app id")), errors},
		{"/list/tags/mods/{ids_array}", "Tags of some mods", "", []*huma.Param{inPath("ids_array", "JSON array of at most 50 ids")}, errors},
		{"/list/genres", "Genres", "", pages(), errors},
		{"/list/genres/games/{ids_array}", "Genres of some games", "", []*huma.Param{inPath("ids_array", "JSON array of at most 50 ids")}, errors},
		{"/list/resources_mods/{mod_id}", "Pictures of mods", "", pages(inPath("mod_id", "An id, or a JSON array of at most 100"),
			query("types_resources", "string", "logo, screenshot; at most 20")), errors},
	}
}

func cardAddresses() []address {
	return []address{
		{"/info/mod/{mod_id}", "One mod", "`result` is null if it is not here.", []*huma.Param{
			inPath("mod_id", "Workshop id"), query("dependencies", "boolean", "Add what it needs, at most 20 ids"), query("game", "boolean", "Add the name of its game"),
		}, nil},
		{"/info/game/{game_id}", "One game", "`result` is null if it is not known.", []*huma.Param{inPath("game_id", "Steam app id")}, nil},
		{"/info/queue/size", "Length of the queue", "A bare number.", nil, nil},
		{"/condition/mod/{ids_array}", "State of mods", "0: complete, 1: can be downloaded, 2: being fetched; what is left out is not here.", []*huma.Param{
			inPath("ids_array", "JSON array of 1 to 50 ids"), query("extended", "boolean", "Tell 3 for what only waits"),
		}, map[string]string{"413": "No array, or one of another length"}},
		{"/mods/{id}/dependencies", "What a mod needs", "", pages(inPath("id", "Workshop id")), map[string]string{"413": "Wrong size of the page"}},
		{"/mods/{id}/tags", "Tags of a mod", "", pages(inPath("id", "Workshop id")), map[string]string{"413": "Wrong size of the page"}},
	}
}

func downloadAddresses() []address {
	return []address{
		{"/download/steam/{mod_id}", "Download a mod, or have it fetched", "The archive if it is current, else 202 and a job.",
			[]*huma.Param{inPath("mod_id", "Workshop id")}, map[string]string{
				"202": "Queued (error_id 0) or under way (3)", "404": "There is no such mod", "503": "Nothing can be fetched, or Steam cannot be asked",
			}},
		{"/download/{mod_id}", "Download a stored mod", "Steam is not asked.", []*huma.Param{inPath("mod_id", "Workshop id")},
			map[string]string{"202": "Being fetched", "404": "Not here, or damaged"}},
		{"/update/steam/{mod_id}", "Look for a newer version", "", []*huma.Param{inPath("mod_id", "Workshop id")}, map[string]string{"202": "Queued or under way"}},
	}
}

func statisticsAddresses() []address {
	return []address{
		{"/statistics/delay", "How long downloads take", "Milliseconds.", nil, nil},
		{"/statistics/hour", "Counters of a day by hour", "", []*huma.Param{
			query("day", "string", "YYYY-MM-DD; default today"), query("start_hour", "integer", "0 to 23"), query("end_hour", "integer", "0 to 23"),
		}, map[string]string{"409": "The end is before the start", "412": "No hour of a day"}},
		{"/statistics/day", "Counters by day", "", []*huma.Param{
			query("start_date", "string", "YYYY-MM-DD; default seven days before the end"), query("end_date", "string", "YYYY-MM-DD; default today"),
		}, map[string]string{"409": "The end is before the start"}},
		{"/statistics/info/all", "The catalogue in figures", "", nil, nil},
		{"/statistics/info/type_map", "What the types of counters are called", "Russian or English, by Accept-Language.", nil, nil},
	}
}
