// Package validation reads what clients of the Savage metaserver send: the
// values of a query, of a path and of a JSON body. It is as lenient with them
// as the original (the number 123456 will do for a text, "1" for a number) and
// collects everything that is wrong into one list of entries with the types
// and texts of pydantic 1.10, which clients parse.
//
// A handler names its fields in the order in which errors shall be listed,
// query and path first, and asks once whether all went well:
//
//	in := validation.New(query, path, body) // done by the route
//	user := in.Query("user_id").Int()
//	clan := in.Body("clan_id").Int(validation.Ge(1))
//	name := in.Body("name").Text(validation.Trim, validation.MinLen(1), validation.MaxLen(100))
//	rank := in.Body("rank").Enum("owner", "admin", "member")
//	for _, team := range in.Body("teams").List(validation.Items(2, 4), validation.Unique) {
//		team.Object()
//		id := team.Field("id").Int(validation.Gt(-1), validation.Lt(4))
//		…
//	}
//	if err := in.Err(); err != nil {
//		return nil, err // validation.Errors
//	}
//
// Fields that are not needed ask Given first. Rules run in the order they are
// given; the first that fails ends the field.
//
// The package is pure and an Input belongs to one goroutine.
package validation
