package mutate

import (
	"go/ast"
	"go/token"
	"strings"
)

// swaps are the operators that are easily confused, each with the other one.
var swaps = map[token.Token][]token.Token{
	token.LSS: {token.LEQ}, token.LEQ: {token.LSS}, token.GTR: {token.GEQ}, token.GEQ: {token.GTR},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
}

// function walks a body; the results tell whether its returns carry an error.
func (w *walker) function(signature *ast.FuncType, body *ast.BlockStmt) {
	fails := false
	if r := signature.Results; r != nil && len(r.List) > 0 {
		last, ok := r.List[len(r.List)-1].Type.(*ast.Ident)
		fails = ok && last.Name == "error"
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.function(n.Type, n.Body)
			return false
		case *ast.IfStmt:
			w.condition(n.Cond)
		case *ast.BinaryExpr:
			w.operator(n)
		case *ast.ReturnStmt:
			if fails {
				w.silence(n)
			}
		case *ast.ExprStmt:
			w.replace(n.Pos(), n.End(), "_ = 0")
		case *ast.CaseClause:
			w.skipCase(n)
		}
		return true
	})
}

// condition turns an `if` round, unless one operator is all it is: that is swapped anyway.
func (w *walker) condition(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	w.replace(cond.Pos(), cond.End(), "!("+w.text(cond.Pos(), cond.End())+")")
}

func (w *walker) operator(n *ast.BinaryExpr) {
	for _, other := range swaps[n.Op] {
		end := n.OpPos + token.Pos(len(n.Op.String()))
		w.replace(n.OpPos, end, other.String())
	}
}

// silence makes a return forget its error.
func (w *walker) silence(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		return
	}
	last := n.Results[len(n.Results)-1]
	if name, ok := last.(*ast.Ident); ok && name.Name == "nil" {
		return
	}
	w.replace(last.Pos(), last.End(), "nil")
}

// skipCase makes a case of a switch without a tag never hold.
func (w *walker) skipCase(n *ast.CaseClause) {
	for _, condition := range n.List {
		if _, compares := condition.(*ast.BinaryExpr); compares {
			w.replace(condition.Pos(), condition.End(), "false && ("+w.text(condition.Pos(), condition.End())+")")
		}
	}
}

// short makes source text fit for a line.
func short(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}
