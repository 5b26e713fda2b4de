import { graphql } from "relay-runtime";

export const page = graphql`
  query TaskPageQuery($count: Int!, $word: String!) {
    viewer { subject }
    ...TaskPage_list @arguments(count: $count, word: $word)
  }
`;

export const list = graphql`
  fragment TaskPage_list on Query
  @argumentDefinitions(
    count: { type: "Int!" }
    cursor: { type: "String" }
    word: { type: "String!" }
  )
  @refetchable(queryName: "TaskPagePaginationQuery") {
    tasks(first: $count, after: $cursor, filter: { titleContains: $word })
      @connection(key: "TaskPage_tasks", filters: ["filter"]) {
      __id
      viewerCanCreate { allowed }
      edges {
        node {
          id
          ...TaskPage_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment TaskPage_row on Task @refetchable(queryName: "TaskPageRowRefetchQuery") {
    title
    completed
    completedAt
    viewerPermissions {
      canDelete { allowed reason }
    }
  }
`;

export const details = graphql`
  query TaskPageDetailsQuery($id: ID!) {
    node(id: $id) {
      __typename
      ...TaskPage_row @alias(as: "row")
      ... on Task {
        notes @catch(to: RESULT)
        owner { name }
      }
    }
  }
`;

export const create = graphql`
  mutation TaskPageCreateMutation($input: CreateTaskInput!, $connections: [ID!]!) {
    createTask(input: $input) {
      task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
        id
        ...TaskPage_row
      }
      userErrors { code field }
    }
  }
`;

export const complete = graphql`
  mutation TaskPageCompleteMutation($input: SetTaskCompletedInput!) {
    setTaskCompleted(input: $input) {
      task { ...TaskPage_row }
    }
  }
`;

export const remove = graphql`
  mutation TaskPageDeleteMutation($input: DeleteTaskInput!) {
    deleteTask(input: $input) {
      deletedTaskId @deleteRecord
      userErrors { code }
    }
  }
`;

export const login = graphql`
  mutation TaskPageLoginMutation {
    login { ready }
  }
`;
